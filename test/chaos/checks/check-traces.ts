import { shortName } from '../../../shared/trace/short-name.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { isEnd, type JobView, type LedgerView } from './ledger-view.ts';
import type { Violation } from './violation.ts';

const JOB_ID = 'throughline.job.id';
/** A killed process loses the spans of this time, which it had not sent yet. */
const EXPORT_MS = 3_000;

/** L9: one trace from the request to the end of each job, and its spans in an unbroken chain. */
export function checkTraces(view: LedgerView): { violations: Violation[]; seen: number } {
  const violations: Violation[] = [];
  const spans = spansByJob(view.record.spans ?? []);
  const spanIds = new Set(view.record.spans?.map(({ spanId }) => spanId));
  let seen = 0;
  for (const { attempts, answers } of view.keys.values()) {
    const [attempt] = attempts;
    const answer = answers.find(({ outcome }) => outcome === 'accepted');
    if (attempt === undefined || answer?.jobId === undefined) continue;
    const job = view.jobs.get(answer.jobId);
    if (job === undefined) continue;
    violations.push(...checkIds(job, attempt.traceId, answer.traceId));
    if (view.record.spans === undefined || !attempt.sampled || mayHaveLostSpans(job, view)) continue;
    seen++;
    violations.push(...checkSpans(job, spans.get(job.id) ?? [], spanIds));
  }
  return { violations, seen };
}

function checkIds(job: JobView, expected: string, answered: string | undefined): Violation[] {
  const places: [string, string | undefined][] = [
    ['its answer', answered],
    ...job.events.flatMap((event): [string, string][] => [
      [`the event ${event.kind}`, event.traceId],
      [`the traceparent of ${event.kind}`, event.carriedTraceId],
    ]),
    ...job.begins.map((begin): [string, string] => [`execution ${begin.attempt}`, begin.traceId]),
  ];
  return places
    .filter(([, traceId]) => traceId !== expected)
    .map(([place, traceId]) => ({
      check: 'L9',
      about: `${job.id}: ${place} is of trace ${traceId ?? 'none'}, the request of ${expected}`,
    }));
}

/** The span of the last execution must be a child of the span that sent the job, and that one a child of the request. */
function checkSpans(job: JobView, spans: readonly SpanRecord[], spanIds: ReadonlySet<string>): Violation[] {
  const fault = (about: string): Violation[] => [{ check: 'L9', about: `${job.id}: ${about}` }];
  const sends = spans.filter((span) => span.kind === 'PRODUCER' && shortName(span) !== 'send events');
  const runs = spans.filter(({ kind }) => kind === 'CONSUMER');
  const last = runs.at(-1);
  if (last === undefined) return fault('no "process" span arrived');
  const send = sends.find(({ spanId }) => spanId === last.parentSpanId);
  if (send === undefined) return fault('"process" is no child of a "send" span that arrived');
  return send.parentSpanId !== undefined && spanIds.has(send.parentSpanId)
    ? []
    : fault('the parent of "send" did not arrive');
}

/** Whether spans may be missing because the edge was killed near the acceptance, or the worker near the end. */
function mayHaveLostSpans(job: JobView, view: LedgerView): boolean {
  const accepted = view.accepted.get(job.id) ?? 0;
  const ended = job.events.find(isEnd)?.at ?? Number.POSITIVE_INFINITY;
  const pid = job.begins.at(-1)?.pid;
  const soonAfter = (at: number, time: number): boolean => at >= time - EXPORT_MS && at <= time + EXPORT_MS;
  return view.faults.some((fault) => {
    if (fault.target === 'edge') return soonAfter(fault.at, accepted);
    return fault.target === 'worker' && fault.pid === pid && soonAfter(fault.at, ended);
  });
}

function spansByJob(spans: readonly SpanRecord[]): Map<string, SpanRecord[]> {
  const byJob = new Map<string, SpanRecord[]>();
  for (const span of spans) {
    const id = span.attributes[JOB_ID];
    if (typeof id !== 'string') continue;
    const known = byJob.get(id);
    if (known === undefined) byJob.set(id, [span]);
    else known.push(span);
  }
  return byJob;
}
