import { isTerminalEvent, type JobEvent } from '../../../shared/job/event.ts';
import type { JobMessage } from '../../../shared/wire/job-message.ts';

/** Returns how many times the message's job was redriven. */
export function redriveCountOf(job: JobMessage): number {
  return job.redrive?.redriveCount ?? 0;
}

/**
 * Whether the worker must ignore a delivery with this redrive count, because the job's end is recorded, or the job was
 * redriven since.
 */
export function isOver(last: JobEvent, redriveCount: number): boolean {
  return isTerminalEvent(last) || (last.redriveCount ?? 0) > redriveCount;
}
