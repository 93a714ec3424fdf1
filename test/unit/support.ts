import { expect } from 'vitest';
import { ThroughlineError } from '../../shared/errors.ts';

/** The error that `work` throws or rejects with; the test fails when it does neither, or throws something else. */
export async function refusalOf(work: () => unknown): Promise<ThroughlineError> {
  try {
    await work();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ThroughlineError);
    return thrown as ThroughlineError;
  }
  throw new Error('nothing was thrown');
}

/** Strings that must never reach a NATS subject, whatever they are given as. */
export const NOT_A_TOKEN: readonly (readonly [what: string, value: string])[] = [
  ['nothing', ''],
  ['a wildcard', '*'],
  ['a full wildcard', '>'],
  ['a wildcard inside', 'a*'],
  ['a dot', 'a.b'],
  ['only a dot', '.'],
  ['a space', 'a b'],
  ['a tab', 'a\tb'],
  ['a line break', 'a\r\nPUB jobs.victim.1.echo 0\r\n\r\n'],
  ['a line feed at the end', 'a\n'],
  ['a carriage return', '\ra'],
  ['NUL', 'a\0b'],
  ['a subject of the server', '$JS'],
  ['an emoji', '🧵'],
  ['a letter beyond ASCII', 'ü'],
  ['a wide full stop', 'a．b'],
  ['a line separator', 'a\u2028b'],
  ['half a character', 'a\ud800'],
  ['a percent-encoded dot', 'a%2eb'],
  ['a slash', 'a/b'],
  ['one character too many', 'a'.repeat(65)],
  ['10 kB', 'a'.repeat(10_000)],
  ['10 kB of line breaks', '\r\n'.repeat(5_000)],
];
/** The CPU time of this thread in milliseconds. Unlike the clock, it does not grow while other processes have the CPU. */
export function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
