/** The spans that a worker exports. */
import { newTraceparent } from '../broker/traceparent.ts';
import { CONSUMER_KIND } from '../program/exported-spans.ts';
import type { WorkerCase } from './case.ts';

/** A worker that exports spans has sent some by then; the harness asks SDKs to send after half a second. */
const FIRST_EXPORT_MS = 15_000;

export const SPAN_CASES: readonly WorkerCase[] = [
  {
    name: 'exported-spans',
    what: 'the span of each attempt that the worker exports has its place in the trace',
    sentences: ['context-exported', 'context-link'],
    run: async ({ run, findings, parts: { http }, soonMs }) => {
      const traceparent = newTraceparent();
      const sender = traceparent.split('-')[2];
      const job = await run('conformance.retry', { failures: 1 }, 'context-exported', {
        carrier: { traceparent },
      });
      const wanted = job.events.filter(({ body }) => body.kind === 'started').map(({ body }) => body.spanId);
      const traceId = job.job.traceId ?? '';
      const isThere = (spans: readonly { readonly spanId: string }[]): boolean =>
        wanted.every((id) => spans.some(({ spanId }) => spanId === id));
      const patience = http.hasSpans ? soonMs : Math.min(soonMs, FIRST_EXPORT_MS);
      const spans = await http.spansOf(traceId, isThere, patience);
      if (!http.hasSpans)
        findings.skip(
          'the worker sent no span to OTEL_EXPORTER_OTLP_ENDPOINT, in protobuf or JSON over HTTP',
        );
      const told = spans.map(
        ({ name, spanId, parentSpanId }) => `${name} ${spanId} below ${parentSpanId || 'nothing'}`,
      );
      for (const [place, id] of wanted.entries()) {
        const span = spans.find(({ spanId }) => spanId === id);
        findings.need(
          'context-exported',
          span !== undefined,
          `an event names the span ${id}; exported in this trace: ${told.join(', ') || 'none'}`,
        );
        const [kind, parent] = [span?.kind, span?.parentSpanId];
        findings.check(
          'context-exported',
          kind === CONSUMER_KIND,
          `${span?.name} has the kind ${kind} of OTLP`,
        );
        findings.check(
          'context-exported',
          parent === sender,
          `the parent of ${span?.name} is ${parent}, the sender is ${sender}`,
        );
        const before = wanted[place - 1];
        const isLinked = before === undefined || span?.links.includes(before) === true;
        findings.check(
          'context-link',
          isLinked,
          `${span?.name} of attempt ${place + 1} has the links ${span?.links.join(', ') || 'none'}`,
        );
      }
    },
  },
];
