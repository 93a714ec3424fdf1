import {
  type HrTime,
  isSpanContextValid,
  type Link,
  type SpanContext,
  SpanStatusCode,
} from '@opentelemetry/api';
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace-base';
import { spanFlags } from '../../../../shared/trace/otlp-json.ts';
import { hrTimeOf, momentAfter } from '../../spans/moment.ts';
import type { AttributeJson } from './attribute-json.ts';
import { type JsonBytes, utf8 } from './json-bytes.ts';
import { nameText } from './name-text.ts';

const TRACE = utf8('{"traceId":"');
const SPAN = utf8('","spanId":"');
const PARENT = utf8('","parentSpanId":"');
const STATE = utf8('","traceState":"');
const STATE_FIELD = utf8(',"traceState":"');
const NAME = utf8('","name":"');
const EVENT_NAME = utf8('{"name":"');
const KINDS = [0, 1, 2, 3, 4].map((kind) => utf8(`","kind":${kind + 1}`));
const START = utf8(',"startTimeUnixNano":"');
const FINISH = utf8('","endTimeUnixNano":"');
const TIME = utf8('","timeUnixNano":"');
const ATTRIBUTES = utf8('","attributes":[');
const LINKS = utf8('],"links":[');
const EVENTS = utf8('],"events":[');
const MESSAGE = utf8(',"message":"');
const QUOTE = utf8('"');
const CLOSE = utf8('}');
const CLOSE_LIST = utf8(']');

/** The parts of a span's JSON that are always the same. All but the last two end with a text or a list that is open. */
export const SPAN_PARTS = {
  trace: TRACE,
  span: SPAN,
  parent: PARENT,
  name: NAME,
  start: START,
  end: FINISH,
  attributes: ATTRIBUTES,
  kinds: KINDS,
  quote: QUOTE,
  closeList: CLOSE_LIST,
} as const;

const NANO_DIGITS = 9;
const NANOS = 1_000_000_000;
/** The last second whose nanoseconds OTLP can count: it has 64 bits for them, which some collectors read as signed. */
const LAST_SECOND = Number(2n ** 63n / BigInt(NANOS)) - 1;

/**
 * Writes an ended span as OTLP's JSON. Fields with their default value are left out, as the JSON of protobuf allows: they would be
 * an eighth of the bytes. Code of an author may have given the span anything, and the SDK keeps most of it. A collector would refuse
 * a whole batch for one value of a wrong type, so such a value is written as a text, or left out.
 */
export function writeSpan(out: JsonBytes, span: ReadableSpan, attributes: AttributeJson): void {
  const own = span.spanContext();
  const { parentSpanContext: parent, links, events, status } = span;
  writeIds(out, own);
  if (parent?.spanId) writeText(out, PARENT, parent.spanId);
  writeState(out, own);
  writeText(out, NAME, nameText(span.name));
  out.put(KINDS[span.kind] ?? QUOTE);
  const end = isCounted(span.endTime) ? span.endTime : hrTimeOf(momentAfter(Date.now(), 0));
  writeTime(out, START, isCounted(span.startTime) ? span.startTime : end);
  writeTime(out, FINISH, end);
  out.put(ATTRIBUTES);
  attributes.write(out, span.attributes);
  const linked = links.filter(({ context }) => hasIds(context));
  writeLinks(out, linked, attributes);
  writeList(out, EVENTS, events, attributes, writeEvent);
  out.put(CLOSE_LIST);
  if (status.code === SpanStatusCode.OK || status.code === SpanStatusCode.ERROR) writeStatus(out, status);
  writeCount(out, 'droppedAttributesCount', span.droppedAttributesCount);
  writeCount(out, 'droppedEventsCount', span.droppedEventsCount);
  writeCount(out, 'droppedLinksCount', span.droppedLinksCount + links.length - linked.length);
  writeFlags(out, own.traceFlags, parent?.isRemote);
}

/** Writes the links of a span after its open list of attributes; nothing if there are none. */
export function writeLinks(out: JsonBytes, links: readonly Link[], attributes: AttributeJson): void {
  writeList(out, LINKS, links, attributes, writeLink);
}

function writeLink(out: JsonBytes, link: Link, attributes: AttributeJson): void {
  writeIds(out, link.context);
  writeState(out, link.context);
  if (link.attributes === undefined) out.put(QUOTE);
  else {
    out.put(ATTRIBUTES);
    attributes.write(out, link.attributes);
    out.put(CLOSE_LIST);
  }
  writeCount(out, 'droppedAttributesCount', link.droppedAttributesCount ?? 0);
  writeFlags(out, link.context.traceFlags, link.context.isRemote);
}

function writeEvent(out: JsonBytes, event: TimedEvent, attributes: AttributeJson): void {
  writeText(out, EVENT_NAME, nameText(event.name));
  writeTime(out, TIME, event.time);
  out.put(ATTRIBUTES);
  attributes.write(out, event.attributes ?? {});
  out.put(CLOSE_LIST);
  writeCount(out, 'droppedAttributesCount', event.droppedAttributesCount ?? 0);
  out.put(CLOSE);
}

/** Writes the beginning of a span or a link, up to a text that is still open. */
function writeIds(out: JsonBytes, { traceId, spanId }: SpanContext): void {
  writeText(out, TRACE, traceId);
  writeText(out, SPAN, spanId);
}

/** Whether a collector can read the ids. The links of an author are to whatever was stored, or came from elsewhere. */
function hasIds(linked: SpanContext | undefined): boolean {
  return (
    typeof linked?.traceId === 'string' && typeof linked.spanId === 'string' && isSpanContextValid(linked)
  );
}

function writeState(out: JsonBytes, own: SpanContext): void {
  const text = stateOf(own);
  if (text !== '') writeText(out, STATE, text);
}

/** The trace state as a text; empty if there is none. That of a link may have been stored as JSON, and has no methods then. */
function stateOf({ traceState }: SpanContext): string {
  return typeof traceState?.serialize === 'function' ? nameText(traceState.serialize()) : '';
}

/** Writes the trace state as a field of its own; nothing if it is empty. */
export function writeStateField(out: JsonBytes, own: SpanContext): void {
  const text = stateOf(own);
  if (text === '') return;
  writeText(out, STATE_FIELD, text);
  out.put(QUOTE);
}

/** Writes a text after what opens it, and leaves it open. */
function writeText(out: JsonBytes, before: Uint8Array, text: string): void {
  out.put(before);
  out.text(text);
}

/** Whether OTLP can count a time, which an author may have given in microseconds. One before 1970 becomes 0. */
function isCounted([seconds, nanos]: HrTime): boolean {
  return seconds <= LAST_SECOND && Math.abs(nanos) <= NANOS;
}

/** Writes nanoseconds since the epoch, which have more digits than a number holds. A time that OTLP cannot count becomes 0. */
function writeTime(out: JsonBytes, before: Uint8Array, time: HrTime): void {
  const [seconds, nanos] = time;
  out.put(before);
  const isUsual = Number.isInteger(seconds) && Number.isInteger(nanos) && nanos >= 0 && nanos < NANOS;
  if (isUsual && seconds > 0 && seconds <= LAST_SECOND) {
    out.text(String(seconds));
    out.digits(nanos, NANO_DIGITS);
    return;
  }
  const isAfterEpoch = isCounted(time) && seconds >= 0;
  const whole = isAfterEpoch ? BigInt(Math.trunc(seconds)) * BigInt(NANOS) + BigInt(Math.trunc(nanos)) : 0n;
  out.text(whole < 0n ? '0' : String(whole));
}

/** Writes a list whose beginning also ends the list before it. A list without elements is left out. */
function writeList<Element>(
  out: JsonBytes,
  before: Uint8Array,
  elements: readonly Element[],
  attributes: AttributeJson,
  write: (out: JsonBytes, element: Element, attributes: AttributeJson) => void,
): void {
  if (elements.length === 0) return;
  out.put(before);
  let isFirst = true;
  for (const element of elements) {
    if (!isFirst) out.comma();
    isFirst = false;
    write(out, element, attributes);
  }
}

function writeStatus(out: JsonBytes, { code, message }: ReadableSpan['status']): void {
  out.put(utf8(`,"status":{"code":${code}`));
  if (message) {
    writeText(out, MESSAGE, message);
    out.put(QUOTE);
  }
  out.put(CLOSE);
}

/** Writes how many were dropped; nothing for 0. */
function writeCount(out: JsonBytes, name: string, count: number): void {
  if (count > 0) out.put(utf8(`,"${name}":${count}`));
}

/** The ends of spans and links by their flags. There are as many as OTLP's flags have values. */
const ENDS = new Map<number, Uint8Array>();

/** Writes the flags, and the end of the span or link. */
export function writeFlags(out: JsonBytes, traceFlags: number, isRemote: boolean | undefined): void {
  const flags = spanFlags(traceFlags, isRemote);
  const end = ENDS.get(flags) ?? utf8(`,"flags":${flags}}`);
  ENDS.set(flags, end);
  out.put(end);
}
