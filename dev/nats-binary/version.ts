import { DELAY_SINCE } from '../../shared/nats/server-version.ts';
import { runCommand } from '../machine/command.ts';

/** The release that Throughline fetches when this machine has no nats-server that is new enough. */
export const PINNED_VERSION = '2.14.5';

/** The oldest version with everything that Throughline uses. */
export const FULL_VERSION = DELAY_SINCE;

/** The oldest version that can run jobs. Delayed jobs need {@link FULL_VERSION}. */
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
