import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 30;
/** After so long, the pauses are longer: what was waited for is not about to pass, and each look costs the other tests time. */
const SOON_MS = 1_000;
const LONG_PAUSE_MS = 120;

/**
 * Calls `look` until it gives something, and returns that.
 * @throws after `timeoutMs`, with what it waited for and what it saw last
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 60_000,
): Promise<T> {
  const began = Date.now();
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      last = seen;
    } catch (thrown) {
      last = thrown;
    }
    const waitedMs = Date.now() - began;
    if (waitedMs > timeoutMs) throw new Error(`waited ${timeoutMs} ms for ${what}; last: ${String(last)}`);
    await delay(waitedMs < SOON_MS ? PAUSE_MS : LONG_PAUSE_MS);
  }
}
