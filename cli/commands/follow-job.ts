import { NoAnswerError } from '../../client/errors.ts';
import { pause, pollDelays } from '../../client/poll.ts';
import { isCallbackEvent } from '../../shared/job/callback-event.ts';
import { jobOfEvent } from '../../shared/job/event.ts';
import type { HistoryEvent } from '../../shared/job/event-record.ts';
import { isTerminal, type Job } from '../../shared/job/job.ts';
import { CliError } from '../cli-error.ts';
import { EXIT, exitCodeOf } from '../exit-code.ts';
import type { Scope } from '../host.ts';

/** How often in a row the API may fail before polling ends with an error. It may be away for a deployment. */
const MAX_FAILURES = 5;
/** The longest time for one request. */
const REQUEST_MS = 15_000;

interface Listeners {
  readonly onJob: (job: Job) => void;
  /** Gets every event from the first one on. */
  readonly onEvent?: (event: HistoryEvent) => void;
}

/**
 * Follows a job by its events or, if the API has no event streams, by reading the job again and again.
 * @returns the job when it has ended, or as it was last seen when the time is over
 * @throws ApiError or CliError when the API refuses or stops answering
 */
export async function followJob(
  id: string,
  limitMs: number,
  scope: Scope,
  listeners: Listeners,
): Promise<Job> {
  const { onJob, onEvent } = listeners;
  const deadline = performance.now() + limitMs;
  const seen = await scope.api.get(id, withinMs(limitMs));
  if (isTerminal(seen.state) && onEvent === undefined) return seen;
  onJob(seen);
  const { job, end } = await followEvents(seen, deadline, scope, listeners);
  if (end === 'no-stream' && onEvent !== undefined) {
    throw new CliError('usage-invalid', 'this API has no event streams', { hint: 'leave out --events' });
  }
  if (end === 'late' || (end === 'ended' && onEvent !== undefined)) return job;
  // After its last event a job is read once more, because its events do not hold all of it.
  return await pollJob(job, deadline, scope, onJob);
}

/** At most the usual time for a request, or less if less is left. */
function withinMs(leftMs: number): { timeoutMs?: number } {
  return leftMs < REQUEST_MS ? { timeoutMs: leftMs } : {};
}

/** How following the events ended: with the job, with the time, or because this API has no event streams. */
type End = 'ended' | 'late' | 'no-stream';

async function followEvents(
  seen: Job,
  deadline: number,
  { api, signal }: Scope,
  { onJob, onEvent }: Listeners,
): Promise<{ job: Job; end: End }> {
  let job = seen;
  const leftMs = Math.max(0, Math.ceil(deadline - performance.now()));
  const late = Number.isFinite(leftMs) ? AbortSignal.timeout(leftMs) : new AbortController().signal;
  try {
    for await (const event of api.watch(job.id, { signal: late })) {
      onEvent?.(event);
      if (isCallbackEvent(event)) continue;
      job = { ...job, ...jobOfEvent(event) };
      onJob(job);
    }
    return { job, end: 'ended' };
  } catch (thrown) {
    if (late.aborted && !signal.aborted) return { job, end: 'late' };
    if (thrown instanceof NoAnswerError) return { job, end: 'no-stream' };
    throw thrown;
  }
}

/** Reads a job again and again, at growing intervals, until it has ended or the time is over. */
async function pollJob(
  seen: Job,
  deadline: number,
  { api, signal }: Scope,
  onJob: (job: Job) => void,
): Promise<Job> {
  const leftMs = (): number => deadline - performance.now();
  const delays = pollDelays();
  let job = seen;
  let isRead = false;
  let failures = 0;
  while (leftMs() > 0 && !(isRead && isTerminal(job.state))) {
    onJob(job);
    if (failures > 0 || !isTerminal(job.state)) await pause(Math.min(delays.next().value, leftMs()), signal);
    try {
      job = await api.get(job.id, withinMs(leftMs()));
      isRead = true;
      failures = 0;
    } catch (thrown) {
      const isTransient = exitCodeOf(thrown) === EXIT.unavailable.code;
      if (!isTransient || ++failures > MAX_FAILURES) throw thrown;
    }
  }
  return job;
}
