import * as z from 'zod';
import { parseJson } from '../text/json.ts';

/** Somebody who took something, and the time in milliseconds until which it counts as taken. */
const Taken = z.tuple([z.string(), z.number()]);
export type Taken = z.infer<typeof Taken>;

/** What the bucket `LIMITS` holds for one key: who runs now, and when attempts started (docs/PROTOCOL.md). */
export const LimitEntry = z.object({
  /** Attempts that run. Each counts until its time, which its host moves on while it lives. */
  places: z.array(Taken),
  /**
   * The last starts: the latest moment at which each may have happened. While a host has not said when an attempt started,
   * the moment lies in the future. A start whose moment is certain has an empty name.
   */
  starts: z.array(Taken),
});
export type LimitEntry = Readonly<z.infer<typeof LimitEntry>>;

export const EMPTY_ENTRY: LimitEntry = { places: [], starts: [] };

/** Reads a value of the bucket. One that cannot be read counts as empty. */
export function readLimitEntry(value: Uint8Array): LimitEntry {
  return LimitEntry.safeParse(parseJson(new TextDecoder().decode(value))).data ?? EMPTY_ENTRY;
}
