import { CLOCK_TOLERANCE_MS } from '../../../shared/clock.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import type { Fault, Hop } from '../report.ts';
import type { Evidence } from './evidence.ts';
import { ROLES, type Role, spansOf } from './span-roles.ts';

/** Starts of spans are whole milliseconds, and durations are exact. */
const ROUNDING_MS = 2;

/** Spans of the canary that are outside of the time in which it ran, by the clock of this machine. */
export function clockFaults({ own, elsewhere, sent, readAt }: Evidence): Fault[] {
  const offBy = new Map<string, number>();
  for (const { service, startMs, durationMs } of [...own.spans, ...elsewhere.filter(ofCanary(sent.jobs))]) {
    const ahead = startMs + durationMs - readAt;
    const late = sent.sentAt - startMs;
    if (ahead > CLOCK_TOLERANCE_MS && late < 0) offBy.set(service, ahead);
    else if (late > CLOCK_TOLERANCE_MS) offBy.set(service, -late);
  }
  return [...offBy].map(([service, ms]) => ({
    hop: 'clocks',
    found: `the spans of ${service} are about ${seconds(Math.abs(ms))} ${ms > 0 ? 'after' : 'before'} the time in which the job ran`,
    cause: `the clock of ${service} is off, or that of this machine if all services are named: look at NTP there`,
  }));
}

const ofCanary =
  (jobs: Evidence['sent']['jobs']) =>
  ({ attributes }: SpanRecord): boolean =>
    jobs.some(({ job }) => attributes[ATTR.jobId] === job.id);

const seconds = (ms: number): string =>
  ms < 120_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} minutes`;

/** An attempt must not end before the event that says how it ended is stored: spans below it would be outside of it. */
export function endedTooSoon({ own }: Evidence, attempt: SpanRecord, jobId: string): Fault | undefined {
  const endMs = attempt.startMs + attempt.durationMs;
  const late = spansOf(own.spans, 'end', jobId).find(
    ({ parentSpanId, startMs, durationMs }) =>
      parentSpanId === attempt.spanId && startMs + durationMs > endMs + ROUNDING_MS,
  );
  if (late === undefined) return undefined;
  return {
    hop: 'worker → bridge',
    found: "the worker's span of the attempt ended before the job's end was stored and acknowledged",
    cause:
      'the span does not cover the acknowledgement, so a failure there is not seen: the worker, or something that changes spans on their way to the store, ends it too soon',
  };
}

/** Whether baggage and `tracestate` arrived as they were sent. */
export function markFaults({ sent }: Evidence): Fault[] {
  const { sends } = sent.canary;
  if (sends !== 'baggage' && sends !== 'tracestate') return [];
  const wrong = sent.jobs.find(({ arrived }) => arrived?.[sends] !== sent.caller.mark);
  if (wrong === undefined) return randomFaults(sent);
  const value = wrong.arrived?.[sends];
  return [
    {
      hop: wrong.arrived?.traceId === sent.caller.traceId ? 'caller → edge' : 'bridge → worker',
      found:
        value === undefined
          ? `\`${sends}\` did not reach the operation`
          : `\`${sends}\` reached the operation with another value`,
      cause: `something between the caller and the worker removes or replaces \`${sends}\`, such as a proxy before the edge or one of NATS`,
    },
  ];
}

/** A trace id that its caller made at random must stay known as such: samplers after it may rely on that. */
function randomFaults({ canary, jobs }: Evidence['sent']): Fault[] {
  if (canary.sends !== 'tracestate' || jobs.every(({ arrived }) => arrived?.random !== false)) return [];
  return [
    {
      hop: 'bridge → worker',
      found: 'the random flag of `traceparent` (02) did not reach the operation',
      cause:
        'something between the caller and the worker writes `traceparent` by level 1 of the specification, which does not know the flag',
    },
  ];
}

/** The hops, by the first service that recorded a trace which the caller did not ask to record. */
const SAMPLED_AT: readonly (readonly [role: Role, hop: Hop])[] = [
  ['request', 'caller → edge'],
  ['send', 'edge → bridge'],
  ['process', 'bridge → worker'],
];

/** Without spans, only the operation can tell what arrived. */
const UNSAID: Fault = {
  hop: 'job',
  found: 'the job succeeded, and its result does not say which trace context arrived',
  cause: 'another program serves `throughline.canary`, or the key may not read results (jobs:read)',
};

/** Nothing may be recorded of a trace that its caller did not sample. */
export function flagFaults({ own, sent }: Evidence): Fault[] {
  const jobId = sent.jobs[0]?.job.id ?? '';
  const first = SAMPLED_AT.find(([role]) => spansOf(own.spans, role, jobId).length > 0);
  const arrived = sent.jobs[0]?.arrived;
  if (first === undefined && own.spans.length === 0) {
    if (arrived === undefined) return [UNSAID];
    if (arrived.traceId === sent.caller.traceId && !arrived.sampled) return [];
    const found =
      arrived.traceId === sent.caller.traceId
        ? 'the trace arrived at the worker as sampled'
        : 'the job ran in another trace than that of its caller';
    const cause =
      'the flags or the ids of `traceparent` were changed on the way: look at the fault of the plain canary';
    // The API says which trace a job got there.
    const isOther = sent.jobs[0]?.job.traceId !== sent.caller.traceId;
    return [{ hop: isOther ? 'caller → edge' : 'bridge → worker', found, cause }];
  }
  const [role, hop] = first ?? (['process', 'bridge → worker'] as const);
  return [
    {
      hop,
      found: `the caller asked for no spans (flags 00), and ${ROLES[role].service} recorded some`,
      cause:
        'the flags of `traceparent` were changed before it, or its sampler does not follow the parent: set OTEL_TRACES_SAMPLER to a parentbased one',
    },
  ];
}
