import { runCommand } from './run.ts';

/** The release that Throughline fetches when the machine has none new enough. */
export const PINNED_VERSION = '2.14.5';

/** From here on everything works: message schedules (delayed jobs) and broker spans. */
export const FULL_VERSION = '2.12.0';

/** The oldest server Throughline is tested with; delayed jobs need {@link FULL_VERSION}. */
export const OLDEST_VERSION = '2.9.0';

/**
 * The version a nats-server binary reports, for example `2.14.5`.
 * Running it is also the proof that it fits this machine.
 */
export async function readVersion(binary: string): Promise<string> {
  const output = await runCommand(binary, ['--version'], { timeoutMs: 10_000 });
  const version = /^nats-server: v(\d+\.\d+\.\d+\S*)/.exec(output)?.[1];
  if (version === undefined) {
    throw new Error(`${binary} --version answered ${JSON.stringify(output.slice(0, 80))}`);
  }
  return version;
}

/** Whether `version` is `minimum` or newer; a pre-release counts as its release. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [left, right] = [numbers(version), numbers(minimum)];
  const difference = left.map((part, index) => part - (right[index] ?? 0)).find((part) => part !== 0);
  return (difference ?? 0) >= 0;
}

function numbers(version: string): number[] {
  return version.split('.', 3).map((part) => Number.parseInt(part, 10));
}
