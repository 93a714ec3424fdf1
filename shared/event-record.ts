import * as z from 'zod';
import { JobEvent } from './event.ts';

/** An event as it is kept: its id is its sequence in the `EVENTS` stream, so that ids of one job only grow. */
export const RecordedEvent = JobEvent.extend({ id: z.string() });
export type RecordedEvent = z.infer<typeof RecordedEvent>;

/** Events of a job in the order in which they were recorded. */
export const JobHistory = z.object({
  events: z.array(RecordedEvent).readonly(),
  /** There is more: to be read with this as `after`. */
  next: z.string().optional(),
});
export type JobHistory = z.infer<typeof JobHistory>;

/** The event that is kept at `sequence`. */
export function recordedEvent(sequence: number, event: JobEvent): RecordedEvent {
  return { id: String(sequence), ...event };
}

const EVENT_ID = /^[0-9]{1,15}$/;

/** The sequence that an event's id names; undefined when it is none. */
export function sequenceOf(id: string): number | undefined {
  return EVENT_ID.test(id) ? Number(id) : undefined;
}
