import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 20;

/**
 * Calls `look` until it gives something, and returns that.
 * @throws after `timeoutMs`, with what it waited for and what it saw last
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      last = seen;
    } catch (thrown) {
      last = thrown;
    }
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}; last: ${String(last)}`);
    await delay(PAUSE_MS);
  }
}
