import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { locateNatsServer } from '../../../dev/nats-binary/locate.ts';
import { PINNED_VERSION } from '../../../dev/nats-binary/version.ts';
import { describeThrown } from '../../../shared/errors.ts';
import type { TestNatsServer } from '../global-setup.ts';

/** A nats-server on which `npm run test:nats` runs the whole path. */
export type TestedServer = Pick<TestNatsServer, 'version' | 'hasLongAcks'>;

/** The newest patch of each line that is tested. The table in deploy/README.md names the same ones. */
export const TESTED_SERVERS: readonly TestedServer[] = [
  { version: '2.12.15' },
  { version: PINNED_VERSION },
  { version: PINNED_VERSION, hasLongAcks: true },
  { version: '2.15.2' },
  { version: '2.15.2', hasLongAcks: true },
];

/** The name of a server in the list of tests. */
export function nameOf({ version, hasLongAcks }: TestedServer): string {
  return hasLongAcks ? `nats-server ${version} js_ack_fc_v2` : `nats-server ${version}`;
}

/**
 * Finds or builds {@link TESTED_SERVERS}. A server that cannot be had is left out, and `warn` gets a line about it.
 * @throws an Error if the pinned version cannot be had
 */
export async function locateTestedServers(warn: (line: string) => void): Promise<TestNatsServer[]> {
  const located = new Map<string, TestNatsServer>();
  for (const version of new Set(TESTED_SERVERS.map((server) => server.version))) {
    try {
      located.set(version, await locateNatsServer({ environment: hostEnvironment(), version, log: warn }));
    } catch (thrown) {
      if (version === PINNED_VERSION) throw thrown;
      warn(`SKIPPED: nothing is tested with nats-server ${version}. ${describeThrown(thrown)}`);
    }
  }
  return TESTED_SERVERS.flatMap((server) => {
    const found = located.get(server.version);
    return found === undefined ? [] : [{ ...found, ...server }];
  });
}
