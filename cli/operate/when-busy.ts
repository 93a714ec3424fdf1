import { Patience } from '../../client/patience.ts';
import type { Scope } from '../host.ts';

/** How often in a row the API may say that it is busy. */
const MAX_BUSY = 20;
/** The API has done nothing for a request that it refused so. With 503 it may have begun. */
const BUSY_STATUSES = [429];

/**
 * Makes a request of a command that needs many. A quota may stop the command in the middle (429): then this
 * waits for as long as the API asks, and makes the request again.
 * @throws what the request throws, and what Ctrl-C throws
 */
export async function whenNotBusy<T>(request: () => Promise<T>, { output, signal }: Scope): Promise<T> {
  let isTold = false;
  const onBusy = ({ message }: { readonly message: string }): void => {
    if (!isTold) output.warn(`waiting, because the API is busy: ${message}`);
    isTold = true;
  };
  const bounds = { busyStatuses: BUSY_STATUSES, maxBusy: MAX_BUSY, isTransient: () => false };
  const patience = new Patience({ signal, onBusy, ...bounds });
  for (;;) {
    try {
      return await request();
    } catch (thrown) {
      await patience.afterFailure(thrown);
    }
  }
}
