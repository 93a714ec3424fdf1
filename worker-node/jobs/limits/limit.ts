import type { Wish } from './entry.ts';
import type { LimitedKey } from './limited-key.ts';
import type { Pace } from './pace.ts';

/** A key of this host, and when those of its jobs that do not wait here come again. */
export interface PacedKey {
  readonly key: LimitedKey;
  readonly pace: Pace;
}

/** A limit that one attempt has to keep. */
export interface Limit extends PacedKey {
  readonly wish: Wish;
}

/** How many jobs may run, or start within a period. */
export function countOf({ wish: { places, rate } }: Limit): number {
  return Math.max(places ?? 0, rate?.limit ?? 0);
}
