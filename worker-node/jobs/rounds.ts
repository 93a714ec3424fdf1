import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import type { JobMessage } from '../../shared/wire/job-message.ts';

/** The round that a message belongs to: 0, until its job is redriven. */
export function roundOf(job: JobMessage): number {
  return job.redrive?.round ?? 0;
}

/** The last event, where it has a say in this round: what happened in an earlier one does not. */
export function recalled(last: JobEvent | undefined, round: number): JobEvent | undefined {
  return last === undefined || (last.round ?? 0) < round ? undefined : last;
}

/** Whether a delivery of this round has nothing left to do: its end is recorded, or a later round has begun. */
export function isOver(last: JobEvent, round: number): boolean {
  return isTerminalEvent(last) || (last.round ?? 0) > round;
}
