import { type ApiError, NoAnswerError } from '../../client/errors.ts';
import { Patience } from '../../client/patience.ts';
import type { HistoryEvent } from '../../shared/api/answers/job-history.ts';
import { jobOfEvent } from '../../shared/job/event.ts';
import type { Job } from '../../shared/job/job.ts';
import { isCallbackEvent, isTerminal } from '../../shared/job/job-state.ts';
import { startTimeLimit } from '../../shared/timers.ts';
import { CliError } from '../cli-error.ts';
import { isUnavailable } from '../exit-code.ts';
import type { Scope } from '../host.ts';

/** The longest time for one request. */
const REQUEST_MS = 15_000;

interface Listeners {
  readonly onJob: (job: Job) => void;
  /** Gets every event from the first one on. */
  readonly onEvent?: (event: HistoryEvent) => void;
  /** Gets each refusal of an API that asks to wait. */
  readonly onBusy: (refusal: ApiError) => void;
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
  const seen = await readFirst(id, deadline, scope, listeners);
  if (isTerminal(seen.state) && onEvent === undefined) return seen;
  onJob(seen);
  const { job, end } = await followEvents(seen, deadline, scope, listeners);
  if (end === 'no-stream' && onEvent !== undefined) {
    throw new CliError('usage-invalid', 'this API has no event streams', { hint: 'leave out --events' });
  }
  if (end === 'late' || (end === 'ended' && onEvent !== undefined)) return job;
  // After its last event a job is read once more, because its events do not hold all of it.
  return await pollJob(job, deadline, scope, listeners);
}

/**
 * Reads a job that nobody has seen. A busy API is waited for, within the time; any other failure may be a mistake of the user.
 * @throws ApiError or CliError
 */
async function readFirst(
  id: string,
  deadline: number,
  { api, signal }: Scope,
  { onBusy }: Listeners,
): Promise<Job> {
  const leftMs = (): number => Math.max(1, Math.ceil(deadline - performance.now()));
  const late = startTimeLimit(leftMs());
  const either = AbortSignal.any([signal, late.signal]);
  const patience = new Patience({ signal: either, isTransient: () => false, onBusy });
  try {
    for (;;) {
      try {
        return await api.get(id, { timeoutMs: Math.min(leftMs(), REQUEST_MS) });
      } catch (refusal) {
        await patience.afterFailure(refusal).catch((thrown: unknown) => {
          throw late.signal.aborted && !signal.aborted ? refusal : thrown;
        });
      }
    }
  } finally {
    late.stop();
  }
}

/** How following the events ended: with the job, with the time, or because this API has no event streams. */
type End = 'ended' | 'late' | 'no-stream';

async function followEvents(
  seen: Job,
  deadline: number,
  { api, output, signal }: Scope,
  { onJob, onEvent, onBusy }: Listeners,
): Promise<{ job: Job; end: End }> {
  let job = seen;
  const late = startTimeLimit(deadline - performance.now());
  try {
    for await (const event of api.watch(job.id, { signal: late.signal, onBusy })) {
      onEvent?.(event);
      if (output.isClosed) break;
      if (isCallbackEvent(event)) continue;
      job = { ...job, ...jobOfEvent(event) };
      onJob(job);
    }
    return { job, end: 'ended' };
  } catch (thrown) {
    if (late.signal.aborted && !signal.aborted) return { job, end: 'late' };
    if (thrown instanceof NoAnswerError) return { job, end: 'no-stream' };
    throw thrown;
  } finally {
    late.stop();
  }
}

/** Reads a job again and again, at growing intervals, until it has ended or the time is over. */
async function pollJob(
  seen: Job,
  deadline: number,
  { api, signal }: Scope,
  { onJob, onBusy }: Listeners,
): Promise<Job> {
  const late = startTimeLimit(deadline - performance.now());
  const patience = new Patience({
    signal: AbortSignal.any([signal, late.signal]),
    isTransient: isUnavailable,
    onBusy,
  });
  let job = seen;
  try {
    for (let isRead = false; !(isRead && isTerminal(job.state)); ) {
      onJob(job);
      if (!isTerminal(job.state)) await patience.next();
      try {
        job = await api.get(job.id, { signal: late.signal });
        isRead = true;
      } catch (thrown) {
        await patience.afterFailure(thrown);
      }
    }
    return job;
  } catch (thrown) {
    if (late.signal.aborted && !signal.aborted) return job;
    throw thrown;
  } finally {
    late.stop();
  }
}
