import * as z from 'zod';
import { CallbackEvent } from '../../job/callback-event.ts';
import { JobEvent } from '../../job/event.ts';

/** A stored event. Inside the edge its id is its sequence in the `EVENTS` stream; callers get an opaque id. */
export const RecordedEvent = JobEvent.extend({ id: z.string() });
export type RecordedEvent = z.infer<typeof RecordedEvent>;

/** A stored event of a callback. */
export const RecordedCallbackEvent = CallbackEvent.extend({ id: z.string() });
export type RecordedCallbackEvent = z.infer<typeof RecordedCallbackEvent>;

/** An event in a job's history: of the job itself, or of its callback. */
export const HistoryEvent = z.union([RecordedEvent, RecordedCallbackEvent]);
export type HistoryEvent = z.infer<typeof HistoryEvent>;

/** The events of a job and its callback, in the order in which they were recorded. */
export const JobHistory = z.object({
  events: z.array(HistoryEvent).readonly(),
  /** Send this as `after` to get later events. It is absent if there are none. */
  next: z.string().optional(),
});
export type JobHistory = z.infer<typeof JobHistory>;
