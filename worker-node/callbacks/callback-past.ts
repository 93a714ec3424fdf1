import type { CallbackEvent } from '../../shared/job/callback-event.ts';
import type { CallbackTask } from '../../shared/wire/callback-task.ts';
import type { Delivery } from '../broker/consume/delivery.ts';

/** What happened to a callback before this delivery. */
export interface CallbackPast {
  /** How many attempts are recorded. A delivery that was handed back, or that did not come to an end, was none. */
  readonly attempts: number;
  /** Whether an attempt is recorded after which there is no other. */
  readonly hasEnded: boolean;
  /** How much of the pause after the last attempt is left, in milliseconds. */
  readonly waitMs: number;
}

/** The past of a callback that no worker got before. */
export const NO_PAST: CallbackPast = { attempts: 0, hasEnded: false, waitMs: 0 };

/**
 * Reads the past of a callback from the last event about callbacks of its job.
 * @param now milliseconds since 1970
 */
export function pastOf(
  last: CallbackEvent | undefined,
  { event }: CallbackTask,
  { deliveryCount }: Pick<Delivery, 'deliveryCount'>,
  now: number,
): CallbackPast {
  if (last === undefined) return NO_PAST;
  // The event is about the callback of another end of the job. It hides how many attempts this one has had, so each
  // delivery counts.
  if (last.redriveCount !== event.redriveCount)
    return { attempts: deliveryCount - 1, hasEnded: false, waitMs: 0 };
  const { kind, attempt, at, retryInMs = 0 } = last;
  const left = Date.parse(at) + retryInMs - now;
  return {
    attempts: attempt,
    hasEnded: kind !== 'callback-retrying',
    // The clock of the host that recorded the event may differ.
    waitMs: Math.max(0, Math.min(left, retryInMs)),
  };
}
