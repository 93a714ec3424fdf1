import type { PulledMessage } from './pulled-message.ts';
import type { Stopwatch } from './stopwatch.ts';

/** A message, and what is known about the pull that brought it. */
export interface Received {
  readonly message: PulledMessage;
  /** Runs since the pull was opened. */
  readonly asked: Stopwatch;
  /** The largest sequence in the stream that the consumer had delivered here before the pull was opened. */
  readonly after: number;
}
