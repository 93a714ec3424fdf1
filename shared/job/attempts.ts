import { isTerminalEvent, type JobEvent } from './event.ts';
import type { JobAttempt } from './job.ts';

/**
 * The attempts of a job, in order, from its events. An attempt without an end is `lost` if another attempt followed it or ended
 * the job: its worker died, or was too late. An attempt that was handed back (`released`) has the same number as the next one.
 * @param events in the order in which they were recorded
 */
export function attemptsOf(events: readonly JobEvent[]): JobAttempt[] {
  const attempts = new Map<string, JobAttempt>();
  for (const event of events) {
    const number = attemptNumber(event);
    const key = event.startedAt ?? `attempt ${number}`;
    const known = attempts.get(key);
    if (known === undefined && !wasRun(event, number)) continue;
    attempts.set(key, {
      ...(known ?? startedAttempt(event, number)),
      ...(isEndOfAttempt(event) ? endOf(event) : {}),
    });
    if (isTerminalEvent(event)) loseOpen(attempts);
  }
  const last = [...attempts.keys()].at(-1);
  loseOpen(attempts, last);
  return [...attempts.values()];
}

/** Marks the attempts that have no outcome as lost. @param running the key of the attempt that may still run */
function loseOpen(attempts: Map<string, JobAttempt>, running?: string): void {
  for (const [key, attempt] of attempts)
    if (attempt.outcome === undefined && key !== running) attempts.set(key, { ...attempt, outcome: 'lost' });
}

function startedAttempt(event: JobEvent, number: number): JobAttempt {
  const { worker, startedAt, at, spanId } = event;
  return { number, worker, startedAt: startedAt ?? at, spanId };
}

type EndKind = Exclude<NonNullable<JobAttempt['outcome']>, 'lost'>;
type EndEvent = JobEvent & { readonly kind: EndKind };

function isEndOfAttempt(event: JobEvent): event is EndEvent {
  return event.kind === 'retrying' || event.kind === 'released' || isTerminalEvent(event);
}

function endOf({ kind, at, error }: EndEvent): Pick<JobAttempt, 'endedAt' | 'outcome' | 'error'> {
  return { endedAt: at, outcome: kind, ...(error === undefined ? {} : { error }) };
}

/** The event `released` holds the number of spent attempts, and the released attempt is not spent. */
function attemptNumber({ kind, attempt }: JobEvent): number {
  return kind === 'released' ? attempt + 1 : attempt;
}

/** A job may fail without an attempt: all were spent before, or its record could not be read. */
const WITHOUT_ATTEMPT = ['attempts-spent', 'record-unreadable'];

/** A job may end without an attempt: cancelled in the queue, or delivered again when it must not run any more. */
function wasRun({ kind, error, startedAt }: JobEvent, number: number): boolean {
  // A job that waits for a limit is handed back before it starts.
  if (kind === 'released' && startedAt === undefined) return false;
  return number > 0 && !WITHOUT_ATTEMPT.includes(error?.code ?? '') && kind !== 'cancelled';
}
