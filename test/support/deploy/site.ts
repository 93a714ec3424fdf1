import { appendFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { connect } from '@nats-io/transport-node';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import { locateNatsServer } from '../../../dev/nats-binary/locate.ts';
import { scratchFolder } from '../cleanup.ts';
import type { TestedServer } from '../nats/servers.ts';
import { until } from '../poll.ts';
import { copyTree } from './copy-tree.ts';
import { readBySystemd, type Variables } from './env-files.ts';
import { locateNatsCli } from './nats-cli.ts';
import { type Replacement, RunbookHost, readSteps } from './runbook.ts';

const SIZE = 3;
const ENV_FILE = '/etc/throughline/nats.env';
const TLS = '/etc/throughline/tls';

interface Ports {
  readonly client: number;
  readonly webSocket: number;
  readonly monitor: number;
  readonly cluster: number;
  /** The ports of a server that nobody shall reach. */
  readonly aside: number;
  readonly asideWebSocket: number;
}

interface SiteParts {
  readonly scratch: string;
  readonly natsServer: string;
  readonly natsCli: string;
  readonly ports: readonly Ports[];
  /** The names of the steps that were run. */
  readonly taken: Set<string>;
  readonly hasLongAcks: boolean;
}

/** The machines of the runbook: three for NATS, and some for workers, all on this machine. */
export class Site {
  readonly #parts: SiteParts;
  readonly #hosts = new Map<string, Promise<RunbookHost>>();

  private constructor(parts: SiteParts) {
    this.#parts = parts;
  }

  /** Finds the programs, and chooses the ports. The hosts end with the test file. */
  static async make({ version, hasLongAcks = false }: TestedServer, taken: Set<string>): Promise<Site> {
    const [{ path: natsServer }, natsCli, scratch] = await Promise.all([
      locateNatsServer({ environment: hostEnvironment(), version }),
      locateNatsCli(),
      scratchFolder(),
    ]);
    const ports = await Promise.all(Array.from({ length: SIZE }, choosePorts));
    return new Site({ scratch, natsServer, natsCli, ports, taken, hasLongAcks });
  }

  /** The machine of a nats-server, counted from 1. */
  natsHost(number: number): Promise<RunbookHost> {
    const { client, monitor, aside, asideWebSocket } = this.#portsOf(number);
    return this.#host(`nats-${number}`, [
      ['tls://nats.internal:4222', `tls://127.0.0.1:${client}`],
      ['127.0.0.1:8222', `127.0.0.1:${monitor}`],
      ['tls://nats-1.internal:4223', `tls://127.0.0.1:${aside}`],
      ['NATS_PORT=4223', `NATS_PORT=${aside}`],
      ['NATS_WEBSOCKET_PORT=8444', `NATS_WEBSOCKET_PORT=${asideWebSocket}`],
    ]);
  }

  async workerHost(number: number): Promise<RunbookHost> {
    const name = `worker-${number}`;
    const port = await findFreePort();
    return await this.#host(name, [['127.0.0.1:8081', `127.0.0.1:${port}`]]);
  }

  /** The machine of somebody who calls the API. */
  async caller(url: string, apiKey: string): Promise<RunbookHost> {
    return await this.#host('caller', [
      ['https://jobs.example.com', url],
      ['your-key', apiKey],
    ]);
  }

  /** The addresses of nats-servers, for workers or for the edge. */
  addresses(numbers: readonly number[], scheme: 'tls' | 'wss'): string {
    const port = (number: number): number => this.#portsOf(number)[scheme === 'tls' ? 'client' : 'webSocket'];
    return numbers.map((number) => `${scheme}://127.0.0.1:${port(number)}`).join();
  }

  /** Sets what differs between the machines of NATS. */
  async fillNats(number: number): Promise<void> {
    const host = await this.natsHost(number);
    const { client, webSocket, monitor, cluster } = this.#portsOf(number);
    const routes = this.#parts.ports.map((ports, index) => [
      `NATS_ROUTE_${index + 1}`,
      `nats-route://127.0.0.1:${ports.cluster}`,
    ]);
    await host.fill(ENV_FILE, {
      NATS_SERVER_NAME: `nats-${number}`,
      NATS_HOST: '127.0.0.1',
      NATS_PORT: String(client),
      NATS_WEBSOCKET_PORT: String(webSocket),
      NATS_MONITOR: `127.0.0.1:${monitor}`,
      NATS_STORE_DIR: host.at('/var/lib/nats'),
      NATS_MAX_FILE_STORE: '1GB',
      NATS_CERT_FILE: host.at(`${TLS}/server.crt`),
      NATS_KEY_FILE: host.at(`${TLS}/server.key`),
      NATS_WEBSOCKET_CERT_FILE: host.at(`${TLS}/server.crt`),
      NATS_WEBSOCKET_KEY_FILE: host.at(`${TLS}/server.key`),
      NATS_CA_FILE: host.at(`${TLS}/ca.crt`),
      NATS_CLUSTER_PORT: String(cluster),
      ...Object.fromEntries(routes),
    });
    if (this.#parts.hasLongAcks)
      await appendFile(
        host.at('/etc/throughline/nats/server.conf'),
        'feature_flags { js_ack_fc_v2: true }\n',
      );
  }

  /** Sets what a worker needs to reach NATS. */
  async fillWorker(host: RunbookHost): Promise<void> {
    const nats = await this.natsHost(1);
    const { NATS_WORKER_PASSWORD = '' } = await this.variables();
    await host.fill('/etc/throughline/worker.env', {
      NATS_URL: this.addresses([1], 'tls'),
      NATS_PASSWORD: NATS_WORKER_PASSWORD,
      NODE_EXTRA_CA_CERTS: nats.at(`${TLS}/ca.crt`),
      HEALTH_PORT: host.onHost('127.0.0.1:8081').replace('127.0.0.1:', ''),
    });
  }

  /** What stands in `nats.env` of the first machine. */
  async variables(): Promise<Variables> {
    return readBySystemd(await (await this.natsHost(1)).read(ENV_FILE));
  }

  /** The file of the authority that signed the certificates. */
  async authority(): Promise<string> {
    return (await this.natsHost(1)).at(`${TLS}/ca.crt`);
  }

  /** Copies a file or a folder from one machine to another. */
  async hand(from: RunbookHost, to: RunbookHost, file: string): Promise<void> {
    await mkdir(path.dirname(to.at(file)), { recursive: true });
    await copyTree(from.at(file), to.at(file));
  }

  /** Whether nats-server refuses a user on its first machine. */
  async isRefused(user: string, pass: string): Promise<boolean> {
    const servers = this.addresses([1], 'tls');
    const options = { servers, user, pass, tls: { caFile: await this.authority() }, reconnect: false };
    return await connect(options).then(
      async (connection) => {
        await connection.close();
        return false;
      },
      (thrown: unknown) => /authorization/i.test(String(thrown)),
    );
  }

  /** Runs a command as the user `setup`, with the environment that the page sets for that. */
  async asSetup(commands: string): Promise<string> {
    const text = (await readSteps()).get('setup') ?? '';
    const environment = text.split('\n').filter((line) => !line.startsWith('npx'));
    return await (await this.natsHost(1)).shell([...environment, commands].join('\n'));
  }

  /** Waits until `throughline setup --check` finds nothing: each copy of each stream is there. */
  async untilWell(): Promise<void> {
    await until(
      'no finding',
      async () => await this.asSetup('npx throughline setup --check').then(() => true),
    );
  }

  /** The machines of NATS that are there by now. */
  async #natsHosts(): Promise<readonly RunbookHost[]> {
    const names = [...this.#hosts.keys()].filter((name) => name.startsWith('nats-')).sort();
    return (await Promise.all(names.map((name) => this.#hosts.get(name)))).filter(
      (host) => host !== undefined,
    );
  }

  #portsOf(number: number): Ports {
    const ports = this.#parts.ports[number - 1];
    if (ports === undefined) throw new Error(`there is no machine ${number} for NATS`);
    return ports;
  }

  #host(name: string, own: readonly Replacement[]): Promise<RunbookHost> {
    const { scratch, taken, natsServer, natsCli } = this.#parts;
    const common: readonly Replacement[] = [
      [/DNS:nats(?:-\d)?\.internal/, 'IP:127.0.0.1,DNS:localhost'],
      ['STREAM_STORE_BYTES=50000000000', 'STREAM_STORE_BYTES=1000000000'],
      ['sleep 1', 'sleep 0.1'],
    ];
    const made =
      this.#hosts.get(name) ??
      RunbookHost.make({
        name,
        scratch,
        taken,
        replacements: [...own, ...common],
        programs: { 'nats-server': natsServer, nats: natsCli },
        // What goes wrong in a cluster often stands in the log of another server.
        neighbours: () => this.#natsHosts(),
      });
    this.#hosts.set(name, made);
    return made;
  }
}

async function choosePorts(): Promise<Ports> {
  return {
    client: await findFreePort(),
    webSocket: await findFreePort(),
    monitor: await findFreePort(),
    cluster: await findFreePort(),
    aside: await findFreePort(),
    asideWebSocket: await findFreePort(),
  };
}
