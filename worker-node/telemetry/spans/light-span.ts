import {
  type Attributes,
  type AttributeValue,
  type Context,
  diag,
  type Exception,
  type Link,
  type Span,
  type SpanContext,
  type SpanStatus,
  type TimeInput,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';
import { hrTimeOf, isUsual, type Moment, momentAfter } from './moment.ts';
import type { SpanIds } from './span-ids.ts';
import type { SpanShape } from './span-shape.ts';

/** A span has fewer attributes of its own by far. Each new one is looked for among them. */
const MAX_OWN = 32;

/** What is said when code ends a span that its owner keeps open. */
export const END_IGNORED = 'the span of an attempt ends with the attempt; end() is ignored';

/** What all light spans of a process share. */
export interface LightSource {
  /** The tracer of the SDK. */
  readonly tracer: Tracer;
  /** Makes the ids of the SDK's spans too. */
  readonly ids: SpanIds;
  /** Takes a span that has ended. */
  readonly take: (span: EndedSpan, ended: Moment) => void;
}

/** What a light span starts with. */
export interface LightStart {
  readonly shape: SpanShape;
  readonly parent: Context;
  /** The span of `parent`. */
  readonly parentSpan: SpanContext;
  readonly links: readonly Link[];
  /** Names and values in turns, of attributes that its shape does not have. The list is the span's from here on. */
  readonly own: AttributeValue[];
  /** Epoch milliseconds; undefined: now. */
  readonly startTime: number | undefined;
}

/** A light span at its end. */
export interface EndedSpan {
  readonly start: LightStart;
  /** When it started, in epoch milliseconds. */
  readonly startMs: number;
  readonly spanId: string;
}

/**
 * A span to which nothing but attributes is added. Each job has several, and a span of the SDK is ten objects and checks each
 * attribute three times. As soon as anybody does more with it, or looks into it, a span of the SDK goes on in its place, with the
 * same ids, start and attributes.
 */
export class LightSpan implements Span, EndedSpan {
  readonly start: LightStart;
  readonly startMs: number;
  readonly spanId: string;
  /** Whether {@link end} is ignored for now. */
  isKeptOpen = false;
  readonly #source: LightSource;
  readonly #context: SpanContext;
  readonly #began = performance.now();
  #full: Span | undefined;
  /** When it ended as it is. */
  #ended: Moment | undefined;

  constructor(source: LightSource, start: LightStart) {
    this.#source = source;
    this.start = start;
    this.startMs = start.startTime ?? Date.now();
    this.spanId = source.ids.generateSpanId();
    const { traceId, traceState } = start.parentSpan;
    const ids = { traceId, spanId: this.spanId, traceFlags: TraceFlags.SAMPLED };
    this.#context = traceState === undefined ? ids : { ...ids, traceState };
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return this.#full === undefined ? this.#ended === undefined : this.#full.isRecording();
  }

  /** As the SDK's spans have it. */
  get ended(): boolean {
    return !this.isRecording();
  }

  setAttribute(name: string, value: AttributeValue): this {
    if (this.#full === undefined && this.#ended === undefined && this.#keep(name, value)) return this;
    this.#open?.setAttribute(name, value);
    return this;
  }

  setAttributes(attributes: Attributes): this {
    this.#open?.setAttributes(attributes);
    return this;
  }

  addEvent(...event: Parameters<Span['addEvent']>): this {
    this.#open?.addEvent(...event);
    return this;
  }

  addLink(link: Link): this {
    this.#open?.addLink(link);
    return this;
  }

  addLinks(links: Link[]): this {
    this.#open?.addLinks(links);
    return this;
  }

  setStatus(status: SpanStatus): this {
    this.#open?.setStatus(status);
    return this;
  }

  updateName(name: string): this {
    this.#open?.updateName(name);
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    this.#open?.recordException(exception, time);
  }

  end(endTime?: TimeInput): void {
    if (this.isKeptOpen) {
      diag.warn(END_IGNORED);
      return;
    }
    const end = this.#full === undefined && this.#ended === undefined ? this.#endOf(endTime) : undefined;
    if (end === undefined) {
      this.#open?.end(endTime ?? hrTimeOf(this.#now));
      return;
    }
    this.#ended = end;
    this.#source.take(this, end);
  }

  /** The span of the SDK that goes on in place of this one. */
  get full(): Span {
    this.#full ??= this.#makeFull();
    return this.#full;
  }

  /** The same; undefined if this one has ended as it is. */
  get #open(): Span | undefined {
    if (this.#ended === undefined) return this.full;
    diag.warn(
      `${this.start.shape.name} ${this.#context.traceId}-${this.spanId} has ended, and cannot be changed`,
    );
    return undefined;
  }

  /** @returns whether the attribute is kept here. If not, the SDK has to judge it */
  #keep(name: string, value: AttributeValue): boolean {
    const { own, shape } = this.start;
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    if (!isPlain || typeof name !== 'string' || name === '' || name in shape.attributes) return false;
    for (let at = 0; at < own.length; at += 2) {
      if (own[at] !== name) continue;
      own[at + 1] = value;
      return true;
    }
    if (own.length >= 2 * MAX_OWN) return false;
    own.push(name, value);
    return true;
  }

  #makeFull(): Span {
    const { shape, parent, links, own } = this.start;
    const attributes = shape.attributesWith(own);
    const { tracer, ids } = this.#source;
    const options = { kind: shape.kind, links: [...links], attributes, startTime: this.startMs };
    return ids.withSpanId(this.spanId, () => tracer.startSpan(shape.name, options, parent));
  }

  get #now(): Moment {
    // As in the SDK: a start that was given is not on the clock that only goes forward.
    if (this.start.startTime !== undefined) return momentAfter(Date.now(), 0);
    return momentAfter(this.startMs, performance.now() - this.#began);
  }

  /** When it ends; undefined if the SDK has to judge that. */
  #endOf(given: TimeInput | undefined): Moment | undefined {
    if (given !== undefined && (typeof given !== 'number' || given <= performance.now())) return undefined;
    const end = given === undefined ? this.#now : momentAfter(given, 0);
    return isUsual(end.ms) && end.ms >= this.startMs ? end : undefined;
  }
}

/** What else a span of the SDK shows. Code of an author, or of a library that it uses, may look for it in the active span. */
const SHOWN = [
  ...['name', 'kind', 'attributes', 'links', 'events', 'status', 'startTime', 'endTime', 'duration'],
  ...['parentSpanContext', 'resource', 'instrumentationScope'],
  ...['droppedAttributesCount', 'droppedEventsCount', 'droppedLinksCount'],
];
for (const name of SHOWN)
  Object.defineProperty(LightSpan.prototype, name, {
    get(this: LightSpan): unknown {
      return (this.full as Span & Readonly<Record<string, unknown>>)[name];
    },
  });
