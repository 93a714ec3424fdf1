import { SERVICE } from '../shared/trace/semantics.ts';
import { shortName } from '../shared/trace/short-name.ts';
import type { SpanRecord } from '../shared/trace/span-record.ts';
import { withoutParent } from '../shared/trace/span-tree.ts';

/** The services that a job passes through. The job index is not one: it only hears about the job. */
const ON_THE_WAY = [SERVICE.cli, SERVICE.edge, SERVICE.bridge, SERVICE.worker];

/**
 * Checks the trace of a job that passed through all services.
 * @returns a sentence for each fault: a service without a span, a parent span that is missing, a trace that breaks at
 * NATS, or more than one trace
 */
export function traceFaults(spans: readonly SpanRecord[]): string[] {
  return [...missingServices(spans), ...missingParents(spans), ...brokenHops(spans), ...strayTraces(spans)];
}

function missingServices(spans: readonly SpanRecord[]): string[] {
  const present = new Set(spans.map(({ service }) => service));
  return ON_THE_WAY.filter((service) => !present.has(service)).map(
    (service) => `no span of ${service} arrived`,
  );
}

function missingParents(spans: readonly SpanRecord[]): string[] {
  return withoutParent(spans).map(
    ({ service, name, parentSpanId }) => `the parent ${parentSpanId} of ${service} "${name}" is missing`,
  );
}

/** `process` must be a child of `send`, and `receive events` must link to the span that sent the result. */
function brokenHops(spans: readonly SpanRecord[]): string[] {
  const faults: string[] = [];
  const send = spans.find(({ kind, service }) => kind === 'PRODUCER' && service === SERVICE.bridge);
  const process = spans.find(({ kind, service }) => kind === 'CONSUMER' && service === SERVICE.worker);
  const sent = spans.find((span) => shortName(span) === 'send events');
  const receive = spans.find((span) => shortName(span) === 'receive events');
  if (send === undefined || process?.parentSpanId !== send.spanId) {
    faults.push('the worker did not continue the trace of the message: "process" is not a child of "send"');
  }
  if (sent === undefined || receive?.links.some(({ spanId }) => spanId === sent.spanId) !== true) {
    faults.push('the result lost its trace on the way back: "receive events" does not link to "send events"');
  }
  return faults;
}

function strayTraces(spans: readonly SpanRecord[]): string[] {
  return new Set(spans.map(({ traceId }) => traceId)).size === 1
    ? []
    : ['the spans do not belong to one trace'];
}
