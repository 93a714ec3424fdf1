import { toHex } from '../../bytes.ts';
import { describeThrown } from '../../errors.ts';
import type { SpanRecord, SpanRecordEvent, SpanRecordLink } from '../span-record.ts';
import { base64ToHex, isId } from './ids.ts';
import { readAttributes, readList, readObject } from './value.ts';

const KINDS = ['INTERNAL', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'] as const;
const STATUSES = ['UNSET', 'OK', 'ERROR'] as const;

/** How the ids of a JSON export are written: by OTLP as hexadecimal digits, by some trace stores as base64. */
export type IdForm = 'hex' | 'hex or base64';

/** The spans of an export, and a reason for each span that is invalid. */
export interface ReadExport {
  spans: SpanRecord[];
  rejections: string[];
}

/**
 * Reads an OTLP trace export (opentelemetry-proto, `ExportTraceServiceRequest`), in its JSON form, or with bytes where that
 * has text. It ignores unknown fields.
 * @throws TypeError when the value does not have the form of an export
 */
export function readTraceExport(request: unknown, ids: IdForm = 'hex'): ReadExport {
  const read: ReadExport = { spans: [], rejections: [] };
  for (const entry of readList(readObject(request, 'the export').resourceSpans, 'resourceSpans')) {
    const resourceSpans = readObject(entry, 'resourceSpans');
    const resource = readObject(resourceSpans.resource ?? {}, 'resource');
    const attributes = readAttributes(resource.attributes);
    for (const one of readList(resourceSpans.scopeSpans, 'scopeSpans')) {
      const scopeSpans = readObject(one, 'scopeSpans');
      const origin = { resource: attributes, scope: readScope(scopeSpans), ids };
      for (const span of readList(scopeSpans.spans, 'spans'))
        readInto(read, readObject(span, 'spans'), origin);
    }
  }
  return read;
}

/** What the spans of a group share. */
interface Origin extends Required<Pick<SpanRecord, 'resource' | 'scope'>> {
  readonly ids: IdForm;
}

function readScope(scopeSpans: Record<string, unknown>): Origin['scope'] {
  const { name, version } = readObject(scopeSpans.scope ?? {}, 'scope');
  return { name: readText(name), version: readText(version), schemaUrl: readText(scopeSpans.schemaUrl) };
}

/** An invalid span is rejected alone: the others are kept. */
function readInto(read: ReadExport, span: Record<string, unknown>, origin: Origin): void {
  try {
    read.spans.push(readSpan(span, origin));
  } catch (error) {
    const name = JSON.stringify(span.name ?? '');
    read.rejections.push(`span ${name}: ${describeThrown(error)}`);
  }
}

function readSpan(span: Record<string, unknown>, { resource, scope, ids }: Origin): SpanRecord {
  const parentSpanId = readOptionalId(span.parentSpanId, 16, ids);
  const status = readObject(span.status ?? {}, 'status');
  const statusMessage = readText(status.message);
  return {
    service: String(resource['service.name'] ?? 'unknown_service'),
    name: readText(span.name),
    kind: readEnum(KINDS, span.kind, 'SPAN_KIND_') ?? 'INTERNAL',
    traceId: readId(span.traceId, 32, 'traceId', ids),
    spanId: readId(span.spanId, 16, 'spanId', ids),
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    ...readTimes(span),
    status: readEnum(STATUSES, status.code, 'STATUS_CODE_') ?? 'UNSET',
    ...(statusMessage === '' ? {} : { statusMessage }),
    attributes: readAttributes(span.attributes),
    events: readList(span.events, 'events').map(readEvent),
    links: readList(span.links, 'links').flatMap((link) => readLink(link, ids)),
    scope,
    resource,
  };
}

/** OTLP writes enums as numbers. Protobuf's own JSON writes their names, with a prefix. */
function readEnum<Name extends string>(
  names: readonly Name[],
  value: unknown,
  prefix: string,
): Name | undefined {
  if (typeof value !== 'string' || /^[0-9]+$/.test(value)) return names[Number(value ?? 0)];
  return names.find((name) => value === prefix + name);
}

/** A span that has not ended has no end time: its duration is 0. */
function readTimes(span: Record<string, unknown>): Pick<SpanRecord, 'startMs' | 'durationMs'> {
  const start = readNanos(span.startTimeUnixNano);
  const end = readNanos(span.endTimeUnixNano);
  return { startMs: toMs(start), durationMs: end === 0n ? 0 : Number(end - start) / 1e6 };
}

function readEvent(value: unknown): SpanRecordEvent {
  const event = readObject(value, 'events');
  return {
    name: readText(event.name),
    timeMs: toMs(readNanos(event.timeUnixNano)),
    attributes: readAttributes(event.attributes),
  };
}

/** OTLP allows a link without a valid context. It points nowhere, so it is left out. */
function readLink(value: unknown, ids: IdForm): SpanRecordLink[] {
  const link = readObject(value, 'links');
  const [traceId, spanId] = [hexOf(link.traceId, 32, ids), hexOf(link.spanId, 16, ids)];
  if (!isId(traceId, 32) || !isId(spanId, 16)) return [];
  const attributes = readAttributes(link.attributes);
  return [{ traceId, spanId, ...(Object.keys(attributes).length === 0 ? {} : { attributes }) }];
}

function readId(value: unknown, digits: number, name: string, ids: IdForm): string {
  const id = hexOf(value, digits, ids);
  if (isId(id, digits)) return id;
  throw new TypeError(`${name} is not ${digits} hexadecimal digits: ${JSON.stringify(id).slice(0, 80)}`);
}

function readOptionalId(value: unknown, digits: number, ids: IdForm): string | undefined {
  const id = hexOf(value, digits, ids);
  return /^0*$/.test(id) ? undefined : readId(value, digits, 'parentSpanId', ids);
}

/** In JSON, an id is hexadecimal text, upper or lower case. In protobuf, it is bytes. */
function hexOf(value: unknown, digits: number, ids: IdForm): string {
  if (value instanceof Uint8Array) return toHex(value);
  const text = readText(value);
  return (ids === 'hex' ? undefined : base64ToHex(text, digits)) ?? text.toLowerCase();
}

/** In JSON, a 64-bit number is text. Some exporters write a number, which is less exact. */
function readNanos(value: unknown): bigint {
  if (value === undefined || value === null) return 0n;
  if (typeof value === 'string' && /^[0-9]{1,20}$/.test(value)) return BigInt(value);
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return BigInt(value);
  throw new TypeError(`not a time in nanoseconds: ${JSON.stringify(value)?.slice(0, 80)}`);
}

/** Divides to whole microseconds first: they fit exactly into a number. */
function toMs(nanos: bigint): number {
  return Number(nanos / 1_000n) / 1_000;
}

function readText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  throw new TypeError(`not a text: ${JSON.stringify(value)?.slice(0, 80)}`);
}
