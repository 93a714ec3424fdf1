import * as z from 'zod';
import { CallbackEvent } from './callback-event.ts';
import { JobEvent } from './event.ts';

/** An event as it is kept: its id is its sequence in the `EVENTS` stream, so that ids of one job only grow. */
export const RecordedEvent = JobEvent.extend({ id: z.string() });
export type RecordedEvent = z.infer<typeof RecordedEvent>;

/** What became of a callback, as it is kept. */
export const RecordedCallbackEvent = CallbackEvent.extend({ id: z.string() });
export type RecordedCallbackEvent = z.infer<typeof RecordedCallbackEvent>;

/** What a job's history holds: what happened to the job, and to its callback. */
export const HistoryEvent = z.union([RecordedEvent, RecordedCallbackEvent]);
export type HistoryEvent = z.infer<typeof HistoryEvent>;

/** Events of a job and its callbacks in the order in which they were recorded. */
export const JobHistory = z.object({
  events: z.array(HistoryEvent).readonly(),
  /** There is more: to be read with this as `after`. */
  next: z.string().optional(),
});
export type JobHistory = z.infer<typeof JobHistory>;

/** The event that is kept at `sequence`. */
export function recordedEvent<E extends JobEvent | CallbackEvent>(
  sequence: number,
  event: E,
): E & { id: string } {
  return { id: String(sequence), ...event };
}

const EVENT_ID = /^[0-9]{1,15}$/;

/** The sequence that an event's id names; undefined when it is none. */
export function sequenceOf(id: string): number | undefined {
  return EVENT_ID.test(id) ? Number(id) : undefined;
}
