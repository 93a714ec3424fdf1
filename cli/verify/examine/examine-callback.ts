import type { IncomingHttpHeaders } from 'node:http';
import type { Fault } from '../report.ts';
import type { Evidence } from './evidence.ts';
import { spansOf } from './span-roles.ts';

const HOP = 'worker → receiver';

/** The callback must name its own span, in the job's trace, and must not carry what is the caller's own. */
export function examineCallback({ own, sent }: Evidence): Fault | undefined {
  const { callback, jobs, caller } = sent;
  if (callback === undefined) return undefined;
  if (callback.headers === undefined) {
    const cause =
      'the worker may not call that address (CALLBACK_ALLOW), has no CALLBACK_SECRET, or cannot reach it from where it runs: look at the history of the job';
    return { hop: HOP, found: `no callback came to ${callback.url}`, cause };
  }
  const [, traceId, spanId] = String(callback.headers.traceparent ?? '').split('-');
  if (traceId === undefined) {
    const cause =
      'something between the worker and this receiver drops the header, such as a proxy for outgoing requests';
    return { hop: HOP, found: 'the callback came without `traceparent`', cause };
  }
  if (traceId !== caller.traceId) {
    const cause =
      'something between the worker and this receiver replaces the header, or the callback task lost its context in NATS';
    return { hop: HOP, found: `the callback came in another trace, ${traceId}`, cause };
  }
  const leaked = leakedIn(callback.headers);
  if (leaked !== undefined) {
    const cause = 'the worker is of an older version, or something after it adds the header';
    return { hop: HOP, found: `the callback carries \`${leaked}\`, which belongs to the caller`, cause };
  }
  const spans = spansOf(own.spans, 'callback', jobs[0]?.job.id ?? '');
  if (spans.some((span) => span.spanId === spanId)) return undefined;
  const found = `the span ${spanId} that the callback names is missing in the trace`;
  return {
    hop: HOP,
    found,
    cause: 'the worker lost it, or something after the worker put its own span into `traceparent`',
  };
}

const leakedIn = (headers: IncomingHttpHeaders): string | undefined =>
  ['baggage', 'tracestate'].find((name) => headers[name] !== undefined);
