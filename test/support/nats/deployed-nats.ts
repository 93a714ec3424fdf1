import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NodePlace } from '../../../dev/nats-server/cluster.ts';
import type { ServerConfig, ServerPlace } from '../../../dev/nats-server/config.ts';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import { makeCertificate, sameCertificate, type TestCertificate, trust } from './certificates.ts';
import { startTestNats } from './nats.ts';

export const DEPLOY_FOLDER = fileURLToPath(new URL('../../../deploy/nats/', import.meta.url));

const USERS = ['edge', 'worker', 'setup', 'sys', 'traces'] as const;
export type DeployedUser = (typeof USERS)[number] | 'traces-worker';

/** The certificates of nats-server, of different authorities: workerd does not trust that for workers. */
export interface DeployedCertificates {
  /** For those who connect over TCP, and between servers. */
  readonly workers: TestCertificate;
  readonly edge: TestCertificate;
}

/** The committed configuration of one nats-server, running on free ports with certificates of the test's own. */
export interface DeployedNats {
  readonly server: NatsServer;
  readonly certificates: DeployedCertificates;
  /** For workers: over TLS. */
  readonly url: string;
  /** For the edge: over TLS. */
  readonly webSocketUrl: string;
  /** The subjects that a user tried to publish or subscribe to without permission, as the server logged them. */
  readonly violations: (user?: DeployedUser) => Promise<string[]>;
  /** Every subject on which a user published. */
  readonly published: (user: DeployedUser) => Promise<ReadonlySet<string>>;
  readonly stop: () => Promise<void>;
}

/** The settings with which a user connects. */
export function credentials(user: DeployedUser): { NATS_USER: string; NATS_PASSWORD: string } {
  // The two users that listen to traces have one password.
  return { NATS_USER: user, NATS_PASSWORD: `${user.replace('traces-worker', 'traces')}-password` };
}

/**
 * Starts nats-server with `deploy/nats/single.conf`. This process trusts its certificates from then on, and workerd that for the edge.
 * @param prepare changes the configuration, in a copy of its folder
 */
export async function startDeployedNats(prepare?: (folder: string) => Promise<void>): Promise<DeployedNats> {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-deploy-'));
  const certificates = await makeCertificates(directory);
  const copy = path.join(directory, 'nats');
  await cp(DEPLOY_FOLDER, copy, { recursive: true });
  await prepare?.(copy);
  const configure = (place: ServerPlace, folder: string): ServerConfig =>
    deployedConfig(path.join(copy, 'single.conf'), place, folder, certificates, 'trace: true');
  const server = await startTestNats({ configure });
  return {
    server,
    certificates,
    url: server.url.replace('nats:', 'tls:'),
    webSocketUrl: server.webSocketUrl.replace('ws:', 'wss:'),
    violations: (user) => logged(server.logFile, /Violation - Subject "([^"]+)"/, user),
    published: async (user) => new Set(await logged(server.logFile, /<<- \[H?PUB (\S+)/, user)),
    stop: async () => {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function makeCertificates(directory: string): Promise<DeployedCertificates> {
  const folder = path.join(directory, 'workers');
  await mkdir(folder);
  const workers = await makeCertificate(folder);
  await trust(workers);
  const edge = await sameCertificate(directory);
  await trust(edge);
  return { workers, edge };
}

/** A committed configuration, with the variables that an operator would set. */
export function deployedConfig(
  file: string,
  place: ServerPlace | NodePlace,
  folder: string,
  certificates: DeployedCertificates,
  more = '',
): ServerConfig {
  const text = [
    // nats-server takes every path of an include as relative.
    `include ${JSON.stringify(path.relative(folder, path.resolve(DEPLOY_FOLDER, file)))}`,
    `ports_file_dir: ${JSON.stringify(place.portsDir)}`,
    more,
  ].join('\n');
  return { text, environment: deployedEnvironment(place, certificates) };
}

/** What `pattern` finds in the log lines of a user's connections. */
async function logged(file: string, pattern: RegExp, user?: DeployedUser): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines
    .filter((line) => user === undefined || line.includes(`/user:${user}"`))
    .flatMap((line) => pattern.exec(line)?.[1] ?? []);
}

/** Every variable of `nats.env.example`. */
export function deployedEnvironment(
  place: Omit<ServerPlace, 'portsDir'> | NodePlace,
  { workers, edge }: DeployedCertificates,
): Record<string, string> {
  const node = 'name' in place ? place : undefined;
  const [first = '', second = '', third = ''] = node?.routes ?? [];
  return {
    NATS_SERVER_NAME: node?.name ?? 'nats-1',
    NATS_HOST: '127.0.0.1',
    NATS_PORT: String(place.port),
    NATS_WEBSOCKET_PORT: String(place.webSocketPort),
    NATS_MONITOR: `127.0.0.1:${node?.monitorPort ?? -1}`,
    NATS_STORE_DIR: place.storeDir,
    NATS_MAX_FILE_STORE: '1GB',
    NATS_CERT_FILE: workers.certificate,
    NATS_KEY_FILE: workers.key,
    NATS_WEBSOCKET_CERT_FILE: edge.certificate,
    NATS_WEBSOCKET_KEY_FILE: edge.key,
    ...Object.fromEntries(
      USERS.map((user) => [`NATS_${user.toUpperCase()}_PASSWORD`, credentials(user).NATS_PASSWORD]),
    ),
    NATS_CLUSTER_PORT: String(node?.clusterPort ?? 0),
    NATS_CA_FILE: workers.certificate,
    NATS_ROUTE_1: first,
    NATS_ROUTE_2: second,
    NATS_ROUTE_3: third,
  };
}
