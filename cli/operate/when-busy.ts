import { ApiError } from '../../client/errors.ts';
import { pause } from '../../shared/timers.ts';
import type { Scope } from '../host.ts';

/** How often in a row the API may say that it is busy. */
const MOST_WAITS = 20;
/** The pause after a 429 that does not say how long to wait. */
const DEFAULT_SECONDS = 5;
/** The longest pause that the API may ask for: a longer one is a mistake. */
const LONGEST_SECONDS = 60;

/**
 * Makes a request of a command that needs many. A quota may stop the command in the middle (429): then this
 * waits for as long as the API asks, and makes the request again. The API has done nothing for a request that it refused so.
 * @throws what the request throws, and what Ctrl-C throws
 */
export async function whenNotBusy<T>(request: () => Promise<T>, { output, signal }: Scope): Promise<T> {
  for (let waits = 0; ; waits++) {
    try {
      return await request();
    } catch (thrown) {
      if (!(thrown instanceof ApiError) || thrown.status !== 429 || waits === MOST_WAITS) throw thrown;
      if (waits === 0) output.warn(`waiting, because the API is busy: ${thrown.message}`);
      await pause(Math.min(thrown.retryAfterSeconds ?? DEFAULT_SECONDS, LONGEST_SECONDS) * 1_000, signal);
    }
  }
}
