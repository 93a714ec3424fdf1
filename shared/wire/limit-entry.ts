import * as z from 'zod';
import { parseJson } from '../text/json/parse-json.ts';

/** The id of an attempt, and a time in epoch milliseconds. */
const Taken = z.tuple([z.string(), z.number()]);
export type Taken = z.infer<typeof Taken>;

/** What the bucket `LIMITS` holds for one key: who runs now, and when attempts started (docs/PROTOCOL.md). */
export const LimitEntry = z.object({
  /** Attempts that run. Each counts until its time. The host of the attempt renews the time while it lives. */
  places: z.array(Taken),
  /**
   * The last starts. The time is the latest moment at which the start may have happened. It lies in the future until the host
   * says when the attempt started. A start whose moment is certain has an empty id.
   */
  starts: z.array(Taken),
});
export type LimitEntry = Readonly<z.infer<typeof LimitEntry>>;

export const EMPTY_ENTRY: LimitEntry = { places: [], starts: [] };

/** Reads a value of the bucket. One that cannot be read counts as empty. */
export function readLimitEntry(value: Uint8Array): LimitEntry {
  return LimitEntry.safeParse(parseJson(new TextDecoder().decode(value))).data ?? EMPTY_ENTRY;
}
