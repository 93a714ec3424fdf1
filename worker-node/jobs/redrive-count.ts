import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import type { JobMessage } from '../../shared/wire/job-message.ts';

/** How often the message's job was redriven. */
export function redriveCountOf(job: JobMessage): number {
  return job.redrive?.redriveCount ?? 0;
}

/** Whether a delivery with this redrive count must do nothing: the job's end is recorded, or the job was redriven since. */
export function isOver(last: JobEvent, redriveCount: number): boolean {
  return isTerminalEvent(last) || (last.redriveCount ?? 0) > redriveCount;
}
