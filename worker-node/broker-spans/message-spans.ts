import { type Attributes, type SpanContext, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { extract, fromNodeHeaders } from '../../shared/propagation/index.ts';
import { ATTR, BROKER } from '../../shared/trace/semantics.ts';
import { SCHEMA_URL } from '../../shared/trace/tracer.ts';
import { VERSION } from '../../shared/version.ts';
import { BROKER_ATTR } from './attributes.ts';
import { SpanIds } from './span-ids.ts';
import { connectionKind, type StepText, stepText, withFault } from './steps.ts';
import { subjectTemplate } from './subject-template.ts';
import { hrTime } from './time.ts';
import type { TraceEvent, TraceStep } from './trace-event.ts';

/** A message may go to thousands of subscriptions: the first steps have a span each. */
const MOST_STEPS = 64;
/** A longer text is cut. */
const LONGEST_TEXT = 256;
const HOP = 'Nats-Trace-Hop';
const SCOPE = { name: BROKER.scope, version: VERSION, schemaUrl: SCHEMA_URL };

/** What all spans of one event have. */
interface Common {
  readonly parent: SpanContext;
  readonly ids: SpanIds;
  readonly resource: Resource;
}

/**
 * The spans of what one server did with one message: one for the server's part, below the span that sent the message or below
 * the egress of the server before, and one for each step below it.
 * @param resource of the server
 * @returns none if the trace of the message is not sampled, or the message has none
 */
export function messageSpans(event: TraceEvent, resource: Resource): ReadableSpan[] {
  const parent = extract(fromNodeHeaders(event.headers)).spanContext;
  if (parent === undefined || (parent.traceFlags & TraceFlags.SAMPLED) === 0) return [];
  const { server, ingress, headers } = event;
  const ids = new SpanIds(headers, [server.id, ingress.cid, String(ingress.ts)]);
  const common = { parent, ids, resource };
  const steps = event.steps.slice(0, MOST_STEPS);
  return [ingressSpan(event, steps.length, common), ...stepSpans(event, steps, common)];
}

function ingressSpan(event: TraceEvent, shown: number, common: Common): ReadableSpan {
  const { server, ingress, headers, messageBytes, steps } = event;
  const [hop] = headers[HOP] ?? [];
  const template = subjectTemplate(ingress.subj);
  const attributes = {
    [ATTR.destinationName]: ingress.subj,
    [ATTR.destinationTemplate]: template,
    [BROKER_ATTR.server]: server.name,
    [BROKER_ATTR.account]: ingress.acc,
    [BROKER_ATTR.connection]: connectionKind(ingress.kind),
    ...(ingress.name ? { [BROKER_ATTR.connectionName]: ingress.name } : {}),
    ...(server.cluster ? { [BROKER_ATTR.cluster]: server.cluster } : {}),
    ...(messageBytes === undefined ? {} : { [BROKER_ATTR.envelopeSize]: messageBytes }),
    ...(hop ? { [BROKER_ATTR.hop]: hop } : {}),
    ...(steps.length > shown ? { [BROKER_ATTR.leftOut]: steps.length - shown } : {}),
  };
  const ends = steps.map(({ ts }) => ts);
  return readableSpan(common, {
    ...withFault(`ingress ${template}`, attributes, ingress),
    kind: SpanKind.SERVER,
    id: common.ids.ingress,
    parentId: hop ? common.ids.hop(hop) : common.parent.spanId,
    start: ingress.ts,
    end: ends.reduce((last, ts) => (ts > last ? ts : last), ingress.ts),
  });
}

/**
 * A step starts at the end of the step before it. Only a store does not delay the next step: the server goes on while it stores
 * the message.
 */
function stepSpans({ ingress }: TraceEvent, steps: readonly TraceStep[], common: Common): ReadableSpan[] {
  let before = ingress.ts;
  return steps.map((step, place) => {
    const start = before < step.ts ? before : step.ts;
    if (step.type !== 'js') before = step.ts;
    const hop = step.type === 'eg' ? step.hop : undefined;
    return readableSpan(common, {
      ...stepText(step),
      kind: SpanKind.INTERNAL,
      id: hop ? common.ids.hop(hop) : common.ids.step(place),
      parentId: common.ids.ingress,
      start,
      end: step.ts,
    });
  });
}

interface SpanParts extends StepText {
  readonly kind: SpanKind;
  readonly id: string;
  readonly parentId: string;
  readonly start: bigint;
  readonly end: bigint;
}

function readableSpan({ parent, resource }: Common, parts: SpanParts): ReadableSpan {
  const { name, kind, error, start, end } = parts;
  const { traceId, traceFlags } = parent;
  const spanContext = { traceId, spanId: parts.id, traceFlags };
  return {
    name: cut(name),
    kind,
    spanContext: () => spanContext,
    parentSpanContext: {
      traceId,
      spanId: parts.parentId,
      traceFlags,
      isRemote: parts.kind === SpanKind.SERVER,
    },
    startTime: hrTime(start),
    endTime: hrTime(end),
    duration: hrTime(end - start),
    status:
      error === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: cut(error) },
    attributes: cutTexts(parts.attributes),
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function cutTexts(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, typeof value === 'string' ? cut(value) : value]),
  );
}

/** A copy: V8 keeps the whole text for a part of it. */
function cut(text: string): string {
  return text.length <= LONGEST_TEXT ? text : Buffer.from(text.slice(0, LONGEST_TEXT)).toString();
}
