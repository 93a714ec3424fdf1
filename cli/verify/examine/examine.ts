import { isTerminal } from '../../../shared/job/job-state.ts';
import { shellCommand } from '../../../shared/text/terminal/shell-command.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import type { Fault } from '../report.ts';
import type { SentJob } from '../send/send-canary.ts';
import {
  BRIDGE_LOST_IT,
  brokenChain,
  lostAtEdge,
  lostAtWorker,
  lostInBridge,
  otherParent,
  rewrittenParent,
} from './causes.ts';
import type { Evidence } from './evidence.ts';
import { examineCallback } from './examine-callback.ts';
import { examineRedrive } from './examine-redrive.ts';
import { clockFaults, endedTooSoon, flagFaults, markFaults } from './examine-values.ts';
import { chainOf, descendsFrom, spansOf } from './span-roles.ts';

/**
 * Holds what the trace store has of a canary against the hops that it took.
 * @returns the faults: of the chain of spans the first one of each job, and those of values beside it; none if the trace is whole
 */
export function examine(evidence: Evidence): Fault[] {
  const unfinished = evidence.sent.jobs.flatMap(jobFault);
  if (unfinished.length > 0) return unfinished;
  if (evidence.sent.canary.sends === 'unsampled') return flagFaults(evidence);
  const chain =
    requestFault(evidence) ?? evidence.sent.jobs.map((job) => examineJob(evidence, job)).find(Boolean);
  return [...(chain === undefined ? [] : [chain]), ...clockFaults(evidence), ...markFaults(evidence)];
}

/** A canary that did not do what it was made for says nothing about its trace. */
function jobFault({ job }: SentJob): Fault[] {
  if (job.state === 'succeeded') return [];
  const found = `the job ${job.id} is ${job.state}${job.error === undefined ? '' : `: ${job.error.message}`}`;
  if (!isTerminal(job.state)) {
    const cause = `no worker has ended it in time: look with \`${shellCommand('throughline doctor', job.id)}\``;
    return [{ hop: 'job', found, cause }];
  }
  return [
    { hop: 'job', found, cause: 'the canary ran and failed: look at its error and at the log of the worker' },
  ];
}

function requestFault(evidence: Evidence): Fault | undefined {
  const { own, sent } = evidence;
  const [request] = requestsOf(evidence);
  if (request === undefined) return lostAtEdge(evidence);
  return descendsFrom(own.spans, request, sent.caller.spanId)
    ? undefined
    : rewrittenParent(evidence, request);
}

/** The requests that sent the canary's jobs; all in the trace if none did. A gateway may send a request again that has failed. */
function requestsOf({ own: { spans }, sent }: Evidence): readonly SpanRecord[] {
  const all = spansOf(spans, 'request', '');
  const sends = sent.jobs.flatMap(({ job }) => spansOf(spans, 'send', job.id));
  const accepted = all.filter(({ spanId }) => sends.some((send) => descendsFrom(spans, send, spanId)));
  return accepted.length > 0 ? accepted : all;
}

function examineJob(evidence: Evidence, sentJob: SentJob): Fault | undefined {
  const { own, sent } = evidence;
  const [send] = spansOf(own.spans, 'send', sentJob.job.id);
  if (send === undefined) return lostInBridge(evidence, sentJob);
  const requests = requestsOf(evidence);
  if (requests.length > 0 && !requests.some(({ spanId }) => descendsFrom(own.spans, send, spanId))) {
    return brokenChain('edge → bridge', chainOf(own.spans, send).top);
  }
  if (sent.died !== undefined) return examineRedrive(evidence, sent.died, sentJob, send);
  return (
    attemptFault(evidence, sentJob, send) ?? wayBackFault(evidence, sentJob) ?? examineCallback(evidence)
  );
}

/** Each attempt must be a child of the span that sent the job, and link to the attempt before. */
function attemptFault(evidence: Evidence, sentJob: SentJob, send: SpanRecord): Fault | undefined {
  const { job } = sentJob;
  const attempts = spansOf(evidence.own.spans, 'process', job.id);
  const stray = attempts.find(({ parentSpanId }) => parentSpanId !== send.spanId);
  if (stray !== undefined) return otherParent(evidence, stray, send);
  let before: SpanRecord | undefined;
  for (let number = 1; number <= job.attempt; number++) {
    // An attempt that its host handed back has the number of the next one. The spans are in the order of their starts.
    const attempt = attempts.findLast(({ attributes }) => attributes[ATTR.jobAttempt] === number);
    if (attempt === undefined) return lostAtWorker(evidence, sentJob, number);
    if (before !== undefined && !attempt.links.some(({ spanId }) => spanId === before?.spanId)) {
      return {
        hop: 'attempt → attempt',
        found: `attempt ${number} has no link to attempt ${number - 1}`,
        cause: 'the worker did not find the event of the attempt before, or it is older than these links',
      };
    }
    const tooSoon = endedTooSoon(evidence, attempt, job.id);
    if (tooSoon !== undefined) return tooSoon;
    before = attempt;
  }
  return undefined;
}

/** The end of the job must be below its attempt, and a request that waited must have a span that links to it. */
function wayBackFault({ own, sent }: Evidence, { job }: SentJob): Fault | undefined {
  const hop = 'worker → bridge';
  const ends = spansOf(own.spans, 'end', job.id);
  if (ends.length === 0) {
    const found = "the worker's span of the event that ends the attempt is missing";
    return { hop, found, cause: 'the worker lost it: look for lost spans in its log and its metrics' };
  }
  if (!sent.isAnswered) return undefined;
  const received = spansOf(own.spans, 'receive', job.id);
  const endIds = new Set(ends.map(({ spanId }) => spanId));
  if (received.some(({ links }) => links.some(({ spanId }) => endIds.has(spanId)))) return undefined;
  if (received.length === 0) {
    const found = "the caller has the result, and the bridge's span of it is missing";
    return { hop, found, cause: BRIDGE_LOST_IT };
  }
  const found = "the bridge's span of the result does not link to the worker's span that sent it";
  const cause =
    'the event on `events.…` lost its `traceparent` between the worker and the bridge: look at what changes headers there, such as a gateway of NATS or a subject transform';
  return { hop, found, cause };
}
