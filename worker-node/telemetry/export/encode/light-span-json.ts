import { TraceFlags } from '@opentelemetry/api';
import type { EndedSpan } from '../../spans/light-span.ts';
import type { Moment } from '../../spans/moment.ts';
import type { SpanShape } from '../../spans/span-shape.ts';
import type { AttributeJson } from './attribute-json.ts';
import { JsonBytes } from './json-bytes.ts';
import { SPAN_PARTS, writeFlags, writeLinks, writeStateField } from './span-json.ts';

const HEAD_BYTES = 1_024;
const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;
const MS_DIGITS = 13;
const NANO_DIGITS = 6;
const TIME_DIGITS = MS_DIGITS + NANO_DIGITS;

/** The bytes that the spans of a shape begin with, and where in them each span has its own ids and times. */
interface Head {
  readonly bytes: Uint8Array;
  readonly trace: number;
  readonly span: number;
  readonly parent: number;
  readonly start: number;
  readonly end: number;
  /** Whether it has no attributes. */
  readonly isBare: boolean;
}

const heads = new WeakMap<SpanShape, Head>();

/** Writes a light span that has ended as OTLP's JSON, as `writeSpan` does with one of the SDK. */
export function writeLightSpan(
  out: JsonBytes,
  { start, startMs, spanId }: EndedSpan,
  ended: Moment,
  attributes: AttributeJson,
): void {
  const { shape, parentSpan, links, own } = start;
  const head = headOf(shape, attributes);
  const at = out.length;
  out.put(head.bytes);
  out.ascii(at + head.trace, parentSpan.traceId);
  out.ascii(at + head.span, spanId);
  out.ascii(at + head.parent, parentSpan.spanId);
  out.digitsAt(at + head.start, startMs, MS_DIGITS);
  out.digitsAt(at + head.end, ended.ms, MS_DIGITS);
  out.digitsAt(at + head.end + MS_DIGITS, ended.nanos, NANO_DIGITS);
  attributes.writeMore(out, own, head.isBare);
  writeLinks(out, links, attributes);
  out.put(SPAN_PARTS.closeList);
  writeStateField(out, parentSpan);
  writeFlags(out, TraceFlags.SAMPLED, parentSpan.isRemote);
}

function headOf(shape: SpanShape, attributes: AttributeJson): Head {
  const known = heads.get(shape);
  if (known !== undefined) return known;
  const made = makeHead(shape, attributes);
  heads.set(shape, made);
  return made;
}

/** The places have zeros: the nanoseconds of a start are always 0. */
function makeHead({ name, kind, attributes: common }: SpanShape, attributes: AttributeJson): Head {
  const out = new JsonBytes(HEAD_BYTES);
  const place = (before: Uint8Array, digits: number): number => {
    out.put(before);
    out.text('0'.repeat(digits));
    return out.length - digits;
  };
  const trace = place(SPAN_PARTS.trace, TRACE_DIGITS);
  const span = place(SPAN_PARTS.span, SPAN_DIGITS);
  const parent = place(SPAN_PARTS.parent, SPAN_DIGITS);
  out.put(SPAN_PARTS.name);
  out.text(name);
  out.put(SPAN_PARTS.kinds[kind] ?? SPAN_PARTS.quote);
  const start = place(SPAN_PARTS.start, TIME_DIGITS);
  const end = place(SPAN_PARTS.end, TIME_DIGITS);
  out.put(SPAN_PARTS.attributes);
  const from = out.length;
  attributes.write(out, common);
  return { bytes: out.copy(), trace, span, parent, start, end, isBare: out.length === from };
}
