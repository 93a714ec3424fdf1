import { SERVICE } from '../shared/trace/semantics.ts';
import type { SpanRecord } from '../shared/trace/span-record.ts';

/** The services that a job passes; the index hears of it, but is no stop of its way. */
const ON_THE_WAY = [SERVICE.cli, SERVICE.edge, SERVICE.bridge, SERVICE.worker];

/**
 * What is wrong with the trace of a job that went the whole way, one sentence per fault: a service without a span, a
 * parent that is not there, a way across NATS that is broken, more than one trace.
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
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans
    .filter(({ parentSpanId }) => parentSpanId !== undefined && !ids.has(parentSpanId))
    .map(
      ({ service, name, parentSpanId }) => `the parent ${parentSpanId} of ${service} "${name}" is missing`,
    );
}

/** `process` must be a child of `send`, and `receive result` must point at the span that sent the result. */
function brokenHops(spans: readonly SpanRecord[]): string[] {
  const faults: string[] = [];
  const send = spans.find(({ kind, service }) => kind === 'PRODUCER' && service === SERVICE.bridge);
  const process = spans.find(({ kind, service }) => kind === 'CONSUMER' && service === SERVICE.worker);
  const sent = spans.find(({ name }) => name === 'send events');
  const receive = spans.find(({ name }) => name === 'receive result');
  if (send === undefined || process?.parentSpanId !== send.spanId) {
    faults.push('the worker did not continue the trace of the message: "process" is no child of "send"');
  }
  if (sent === undefined || receive?.links.some(({ spanId }) => spanId === sent.spanId) !== true) {
    faults.push('the result came back without its trace: "receive result" does not link to "send events"');
  }
  return faults;
}

function strayTraces(spans: readonly SpanRecord[]): string[] {
  return new Set(spans.map(({ traceId }) => traceId)).size === 1 ? [] : ['the spans are not of one trace'];
}
