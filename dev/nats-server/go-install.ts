import { join } from 'node:path';
import { runCommand } from './run.ts';
import { PINNED_VERSION } from './version.ts';

/**
 * Builds the pinned nats-server with the machine's Go into `directory` and gives the path of the binary.
 * Go checks the sources against its checksum database, so this is pinned too.
 */
export async function goInstall(directory: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const target = `github.com/nats-io/nats-server/v2@v${PINNED_VERSION}`;
  await runCommand('go', ['install', target], {
    cwd: directory,
    // nats-server is pure Go; without cgo a machine that has Go and no C compiler can build it.
    environment: { ...environment, GOBIN: directory, CGO_ENABLED: '0' },
    timeoutMs: 5 * 60_000,
  });
  return join(directory, 'nats-server');
}
