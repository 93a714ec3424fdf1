import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { type ConnectionOptions, connect } from '@nats-io/transport-node';
import { describeThrown } from '../../shared/errors.ts';
import { findFreePort } from '../machine/free-port.ts';
import { renderConfig, type ServerConfig, type ServerPlace } from './config.ts';
import { type NatsServer, startNatsServer } from './start.ts';

const SIZE = 3;
const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 50;

/** Where one server of a cluster listens and stores its data. */
export interface NodePlace extends ServerPlace {
  readonly name: string;
  readonly clusterPort: number;
  /** The routes to all servers of the cluster. */
  readonly routes: readonly string[];
  /** The port on 127.0.0.1 where the server answers `/jsz`. */
  readonly monitorPort: number;
}

export interface NatsClusterOptions {
  /** From `locateNatsServer`. */
  readonly binary: string;
  /** More lines for the `jetstream` block, for example `sync_interval: always`. */
  readonly jetStreamConfig?: string;
  /** More top-level configuration for each server. */
  readonly extraConfig?: string;
  /** Makes the whole configuration of each server. */
  readonly configure?: (place: NodePlace, directory: string) => ServerConfig;
  /** The credentials of a client that may read the state of streams. */
  readonly client?: ConnectionOptions;
}

/** One server of a cluster. It keeps its ports and its store when it is killed and started again. */
interface ClusterNode {
  readonly name: string;
  readonly server: NatsServer;
}

/** Three nats-servers on 127.0.0.1, with JetStream and WebSockets, that store streams together. */
export interface NatsCluster {
  readonly nodes: readonly ClusterNode[];
  /** The addresses of all servers, for a client. */
  readonly urls: readonly string[];
  /** Waits until all servers follow one leader, and the leader sees that all of them are up to date. */
  untilReady(): Promise<void>;
  /** Waits until a stream has a leader, and every copy of it is up to date. */
  untilCurrent(stream: string): Promise<void>;
  /** The server that leads a stream now. */
  leaderOf(stream: string): Promise<ClusterNode>;
  /** Sends a signal (default SIGKILL) to the leader of a stream. `node.server.restart()` starts it again. */
  killLeader(stream: string, signal?: NodeJS.Signals): Promise<ClusterNode>;
  /** Ends all servers and removes their files. */
  stop(): Promise<void>;
}

/** Starts three nats-servers and waits until they follow one leader. They end with this process. */
export async function startNatsCluster(options: NatsClusterOptions): Promise<NatsCluster> {
  const places = await choosePlaces();
  const nodes: ClusterNode[] = [];
  const monitorPorts = places.map(({ monitorPort }) => monitorPort);
  const cluster = new LocalNatsCluster(nodes, monitorPorts, options.client ?? {});
  try {
    // One after the other: servers that dial each other at the same moment can lose a route for good.
    // https://github.com/nats-io/nats-server/pull/8527
    for (const place of places) nodes.push(await startNode(place, options));
    await cluster.untilReady();
    return cluster;
  } catch (thrown) {
    await cluster.stop();
    throw thrown;
  }
}

type ClusterPlace = Omit<NodePlace, keyof ServerPlace>;

async function choosePlaces(): Promise<ClusterPlace[]> {
  const clusterPorts = await Promise.all(Array.from({ length: SIZE }, findFreePort));
  const routes = clusterPorts.map((port) => `nats-route://127.0.0.1:${port}`);
  return await Promise.all(
    clusterPorts.map(async (clusterPort, index) => ({
      name: `nats-${index + 1}`,
      clusterPort,
      routes,
      monitorPort: await findFreePort(),
    })),
  );
}

async function startNode(clusterPlace: ClusterPlace, options: NatsClusterOptions): Promise<ClusterNode> {
  const configure = (place: ServerPlace, directory: string): ServerConfig => {
    const node = { ...place, ...clusterPlace };
    return options.configure?.(node, directory) ?? { text: renderNode(node, options) };
  };
  const server = await startNatsServer({ binary: options.binary, configure });
  return { name: clusterPlace.name, server };
}

class LocalNatsCluster implements NatsCluster {
  readonly nodes: readonly ClusterNode[];
  readonly #monitorPorts: readonly number[];
  readonly #client: ConnectionOptions;

  constructor(nodes: readonly ClusterNode[], monitorPorts: readonly number[], client: ConnectionOptions) {
    this.nodes = nodes;
    this.#monitorPorts = monitorPorts;
    this.#client = client;
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ server }) => server.url);
  }

  untilReady(): Promise<void> {
    return this.#until('one leader that all servers follow and that sees them up to date', async () => {
      const seen = await Promise.all(this.#monitorPorts.map(readMetaCluster));
      const leader = this.nodes.findIndex(({ name }) => name === seen[0]?.leader);
      const isFollowed = seen.every((meta) => meta.leader === seen[0]?.leader && meta.cluster_size === SIZE);
      // The leader puts no stream on a server that it has not seen. From 2.15 on every server lists the others, but only
      // the leader knows how they are.
      const others = (seen[leader]?.replicas ?? []).filter(isWell);
      return isFollowed && others.length === SIZE - 1;
    });
  }

  untilCurrent(stream: string): Promise<void> {
    return this.#until(`every copy of ${stream} to be up to date`, async () => {
      const { leader, replicas = [] } = await this.#clusterInfo(stream);
      return Boolean(leader) && replicas.every(isWell);
    });
  }

  async leaderOf(stream: string): Promise<ClusterNode> {
    let found: ClusterNode | undefined;
    await this.#until(`a leader of ${stream}`, async () => {
      const { leader } = await this.#clusterInfo(stream);
      found = this.nodes.find(({ name }) => name === leader);
      return found !== undefined;
    });
    if (found === undefined) throw new Error(`${stream} has no leader`);
    return found;
  }

  async killLeader(stream: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<ClusterNode> {
    const leader = await this.leaderOf(stream);
    await leader.server.kill(signal);
    return leader;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ server }) => server.stop()));
  }

  async #clusterInfo(stream: string): Promise<ClusterInfo> {
    const connection = await connect({ servers: [...this.urls], timeout: 2_000, ...this.#client });
    try {
      const manager = await jetstreamManager(connection, { timeout: 2_000, checkAPI: false });
      return (await manager.streams.info(stream)).cluster ?? {};
    } finally {
      await connection.close();
    }
  }

  async #until(what: string, look: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    let last = 'no';
    for (;;) {
      try {
        if (await look()) return;
      } catch (thrown) {
        last = describeThrown(thrown);
      }
      if (Date.now() > deadline) throw new Error(`waited ${READY_TIMEOUT_MS} ms for ${what}: ${last}`);
      await sleep(POLL_MS);
    }
  }
}

interface ClusterInfo {
  readonly leader?: string;
  readonly replicas?: readonly PeerState[];
}

/** How a leader sees another server of its group. */
interface PeerState {
  readonly current: boolean;
  readonly offline?: boolean;
}

const isWell = ({ current, offline }: PeerState): boolean => current && offline !== true;

/** What one server says about the group that decides where streams are stored. */
interface MetaCluster {
  readonly leader?: string;
  readonly cluster_size?: number;
  readonly replicas?: readonly PeerState[];
}

async function readMetaCluster(port: number): Promise<MetaCluster> {
  const response = await fetch(`http://127.0.0.1:${port}/jsz`);
  const { meta_cluster = {} } = (await response.json()) as { meta_cluster?: MetaCluster };
  return meta_cluster;
}

function renderNode(node: NodePlace, { jetStreamConfig, extraConfig = '' }: NatsClusterOptions): string {
  const { name, clusterPort, monitorPort, routes } = node;
  return renderConfig({
    ...node,
    jetStreamConfig,
    extraConfig: `server_name: ${JSON.stringify(name)}
http: "127.0.0.1:${monitorPort}"
cluster {
  name: throughline
  host: "127.0.0.1"
  port: ${clusterPort}
  routes: ${JSON.stringify(routes)}
}
${extraConfig}`,
  });
}
