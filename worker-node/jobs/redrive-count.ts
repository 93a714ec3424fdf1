import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import type { JobMessage } from '../../shared/wire/job-message.ts';

/** How often the message's job was redriven. */
export function redriveCountOf(job: JobMessage): number {
  return job.redrive?.redriveCount ?? 0;
}

/** The last event, unless it is from before this redrive: then it does not count. */
export function recalled(last: JobEvent | undefined, redriveCount: number): JobEvent | undefined {
  return last === undefined || (last.redriveCount ?? 0) < redriveCount ? undefined : last;
}

/** Whether a delivery with this redrive count has nothing left to do: its end is recorded, or the job was redriven since. */
export function isOver(last: JobEvent, redriveCount: number): boolean {
  return isTerminalEvent(last) || (last.redriveCount ?? 0) > redriveCount;
}
