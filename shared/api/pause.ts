import * as z from 'zod';

/** Who paused an operation, and since when. */
export const Pause = z.object({
  by: z.string(),
  /** RFC 3339. */
  since: z.iso.datetime(),
  reason: z.string().optional(),
});
export type Pause = z.infer<typeof Pause>;

/**
 * The value of a pause in the bucket `OPERATIONS`: whether the operation is paused now, and who decided that. The value stays
 * when the operation is resumed, so that people can see who resumed it.
 */
export const PauseRecord = Pause.extend({ paused: z.boolean() });
export type PauseRecord = z.infer<typeof PauseRecord>;

/** Begins the key of a pause. No operation's name begins with `_`. */
const PREFIX = '_paused.';

/** The key of an operation's pause in the bucket `OPERATIONS`. */
export function pauseKey(operation: string): string {
  return PREFIX + operation;
}

/** The operation that a key of the bucket `OPERATIONS` pauses; undefined if the key is that of a definition. */
export function pausedOperation(key: string): string | undefined {
  return key.startsWith(PREFIX) ? key.slice(PREFIX.length) : undefined;
}

/** The pause in a value of the bucket; undefined if the operation is not paused, or if the value cannot be read. */
export function readPause(value: unknown): Pause | undefined {
  const record = PauseRecord.safeParse(value).data;
  if (record?.paused !== true) return undefined;
  const { paused: _, ...pause } = record;
  return pause;
}
