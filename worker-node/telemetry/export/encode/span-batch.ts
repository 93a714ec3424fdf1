import type { InstrumentationScope } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { EndedSpan } from '../../spans/light-span.ts';
import type { Moment } from '../../spans/moment.ts';
import { AttributeJson } from './attribute-json.ts';
import { JsonBytes, utf8 } from './json-bytes.ts';
import { writeLightSpan } from './light-span-json.ts';
import { nameText } from './name-text.ts';
import { writeSpan } from './span-json.ts';

const FIRST_BYTES = 64 * 1_024;
/** The first room for the spans of each further scope: an author may make a tracer for each job. */
const NEXT_BYTES = 2 * 1_024;
/** A larger span is lost. The Collector of OpenTelemetry refuses a body of more than 20 MiB, with all that is in it. */
const MAX_SPAN_BYTES = 8 * 1_024 * 1_024;
/** How many buffers are kept for the next batches. */
const SPARES = 2;
/** A larger buffer is not kept. */
const SPARE_BYTES = 4 * 1_024 * 1_024;
const FIRST = utf8('{"resourceSpans":[{"scopeSpans":[{"spans":[');
const NEXT = utf8(',{"scopeSpans":[{"spans":[');
const END = utf8(']}');

/** Where spans come from. */
export interface SpanOrigin {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
}

/** The spans of one resource and one scope. */
interface Group extends SpanOrigin {
  readonly spans: JsonBytes;
  /** How long they are without any. */
  readonly start: number;
}

const attributeJson = new AttributeJson();
const spares: JsonBytes[] = [];

/**
 * Ended spans on their way to a collector. Each is written as OTLP's JSON when it ends, so the spans themselves need not wait in
 * memory for the export.
 */
export class SpanBatch {
  /** By the scope. The spans of one scope nearly always have the same resource. */
  readonly #groups = new Map<InstrumentationScope, Group[]>();
  /** What the body is written in; undefined: it has been copied. */
  #lent: JsonBytes | undefined;
  #size = 0;
  #bytes = 0;

  /** The number of spans. */
  get size(): number {
    return this.#size;
  }

  /** The bytes of its spans. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a span. @throws RangeError if it is too large, and what code of an author throws when it is read */
  add(span: ReadableSpan): void {
    const group = this.#groupOf(span.resource, span.instrumentationScope);
    this.#write(group, (spans) => writeSpan(spans, span, attributeJson));
  }

  /** Adds a light span. @throws RangeError as {@link add} */
  addLight(span: EndedSpan, ended: Moment, { resource, scope }: SpanOrigin): void {
    const group = this.#groupOf(resource, scope);
    this.#write(group, (spans) => writeLightSpan(spans, span, ended, attributeJson));
  }

  /** Leaves the batch as it was if `write` throws. */
  #write({ spans, start }: Group, write: (spans: JsonBytes) => void): void {
    const from = spans.length;
    try {
      if (from > start) spans.comma();
      write(spans);
      const bytes = spans.length - from;
      if (bytes > MAX_SPAN_BYTES)
        throw new RangeError(`it has ${bytes} bytes, and may have ${MAX_SPAN_BYTES}`);
      this.#size++;
      this.#bytes += bytes;
    } catch (thrown) {
      spans.cut(from);
      throw thrown;
    }
  }

  /** Waits for the parts of resources that are still looked for. */
  async resourcesKnown(): Promise<void> {
    for (const { resource } of this.#all()) await resource.waitForAsyncAttributes?.();
  }

  /**
   * Takes the whole as the body of an export: `ExportTraceServiceRequest` of OTLP, in JSON. Call it once. The body is valid until
   * {@link release}.
   */
  takeJson(): Uint8Array {
    const groups = this.#all();
    this.#groups.clear();
    for (const group of groups) group.spans.put(endOf(group));
    groups.at(-1)?.spans.put(END);
    const [only] = groups;
    // Nearly always there is one. A copy of so many bytes is not cheap.
    if (only !== undefined && groups.length === 1) {
      this.#lent = only.spans;
      return only.spans.view();
    }
    const body = Buffer.concat(groups.map(({ spans }) => spans.view()));
    for (const { spans } of groups) keep(spans);
    return body;
  }

  /** Nobody reads the body any more: the next batches may be written in its place. */
  release(): void {
    if (this.#lent !== undefined) keep(this.#lent);
    this.#lent = undefined;
  }

  #all(): Group[] {
    return [...this.#groups.values()].flat();
  }

  #groupOf(resource: Resource, scope: InstrumentationScope): Group {
    const groups = this.#groups.get(scope) ?? [];
    const known = groups.find((group) => group.resource === resource);
    if (known !== undefined) return known;
    const isFirst = this.#groups.size === 0;
    const spans = spares.pop() ?? new JsonBytes(isFirst ? FIRST_BYTES : NEXT_BYTES);
    spans.cut(0);
    spans.put(isFirst ? FIRST : NEXT);
    const added = { resource, scope, spans, start: spans.length };
    this.#groups.set(scope, [...groups, added]);
    return added;
  }
}

/** Keeps a buffer for the next batches. */
function keep(spans: JsonBytes): void {
  if (spares.length < SPARES && spans.capacity <= SPARE_BYTES) spares.push(spans);
}

/** What a tracer says about itself, as a JSON text. */
function quoted(said: unknown): string {
  return JSON.stringify(nameText(said).toWellFormed());
}

/** What comes after the spans of a group. JSON may have the fields of an object in any order. */
function endOf({ resource, scope }: SpanOrigin): Uint8Array {
  const { name, version = '', schemaUrl = '' } = scope;
  const json = new JsonBytes(1_024);
  json.put(
    utf8(
      `],"scope":{"name":${quoted(name)},"version":${quoted(version)}},"schemaUrl":${quoted(schemaUrl)}}]`,
    ),
  );
  json.put(utf8(',"resource":{"attributes":['));
  attributeJson.write(json, resource.attributes);
  json.put(utf8(`]},"schemaUrl":${JSON.stringify(resource.schemaUrl ?? '')}}`));
  return json.view();
}
