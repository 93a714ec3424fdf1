import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import type { EdgeBundle } from '../../dev/edge/bundle.ts';
import { keptEdge } from '../../dev/edge/kept-build.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { type LocatedNatsServer, locateNatsServer } from '../../dev/nats-binary/locate.ts';

/** The nats-server of the tests. */
export interface TestNatsServer extends LocatedNatsServer {
  /** Whether it writes the domain and the account into the subjects of acks and flow control (`js_ack_fc_v2`). */
  readonly hasLongAcks?: boolean;
}

/** The nats-server that {@link setup} found, or why there is none. */
type ProvidedNatsServer = TestNatsServer | { problem: string };
/** The Worker's bundle, or why it does not build. */
type ProvidedEdge = EdgeBundle | { problem: string };

declare module 'vitest' {
  export interface ProvidedContext {
    natsServer: ProvidedNatsServer;
    edge: ProvidedEdge;
    /** Where the command line keeps its compiled code. One for all files: only its first start is slow. */
    cacheFolder: string;
  }
}

/**
 * Runs once before all tests: finds nats-server and bundles the Worker, so that no test waits for them. If one
 * is missing, only the tests that need it fail, each with the explanation.
 * @returns a function that removes the bundle after the last test
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-test-'));
  const problem = (error: Error) => ({ problem: error.message });
  const [server, edge] = await Promise.all([
    locateNatsServer({ environment: hostEnvironment(), log }).catch(problem),
    keptEdge(path.join(directory, 'edge')).catch(problem),
  ]);
  project.provide('natsServer', server);
  project.provide('edge', edge);
  project.provide('cacheFolder', path.join(directory, 'cache'));
  return () => rm(directory, { recursive: true, force: true });
}
