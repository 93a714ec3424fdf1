/** The numbers that a loop watch and its thread share, by their places in an `Int32Array`. */
export const NUMBER = {
  /** Grows while the event loop runs. */
  beats: 0,
  /** After how many milliseconds to end the process; 0: operations are still being loaded. */
  endAfterMs: 1,
} as const;
