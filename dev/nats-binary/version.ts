import { runCommand } from '../machine/command.ts';

/** The release that Throughline fetches when this machine has no nats-server that is new enough. */
export const PINNED_VERSION = '2.14.5';

/** The oldest version with everything that Throughline uses: message schedules (delayed jobs) and broker spans. */
export const FULL_VERSION = '2.12.0';

/** The oldest version that Throughline is tested with. Delayed jobs need {@link FULL_VERSION}. */
export const OLDEST_VERSION = '2.9.0';

/**
 * Asks a nats-server program for its version, for example `2.14.5`. An answer also proves that it runs on this machine.
 * @throws an Error when the program does not run or gives another answer
 */
export async function readVersion(binary: string): Promise<string> {
  const output = await runCommand(binary, ['--version'], { timeoutMs: 10_000 });
  const version = /^nats-server: v(\d+\.\d+\.\d+\S*)/.exec(output)?.[1];
  if (version === undefined) {
    throw new Error(`${binary} --version answered ${JSON.stringify(output.slice(0, 80))}`);
  }
  return version;
}

/** Whether `version` is `minimum` or newer. A pre-release counts as its release. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [left, right] = [numbers(version), numbers(minimum)];
  const difference = left.map((part, index) => part - (right[index] ?? 0)).find((part) => part !== 0);
  return (difference ?? 0) >= 0;
}

function numbers(version: string): number[] {
  return version.split('.', 3).map((part) => Number.parseInt(part, 10));
}
