const ends: (() => unknown)[] = [];

/**
 * Calls `end` after the last test of the file that runs now. The tests of a file may run side by side and share what
 * a helper started, so it ends with the file and not with a test.
 */
export function atEndOfFile(end: () => unknown): void {
  ends.push(end);
}

/** Ends everything that the tests of a file have started. */
export async function endAll(): Promise<void> {
  await Promise.all(ends.splice(0).map((end) => end()));
}
