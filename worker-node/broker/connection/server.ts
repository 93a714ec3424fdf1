import { valueWithin, withDeadline } from '../../../shared/deadline.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import type { Broker } from './broker.ts';

const PING_MS = 2_000;
/** Copies of a stream in a cluster: two of three servers are a majority. */
const CLUSTER_REPLICAS = 3;

/** Whether the server answers a ping within two seconds. */
export async function answers({ connection }: Pick<Broker, 'connection'>): Promise<boolean> {
  const late = (): Error => new Error('no pong in time');
  return await withDeadline(connection.flush(), PING_MS, late).then(
    () => true,
    () => false,
  );
}

/** How many milliseconds a ping takes to the server and back; undefined if no answer comes within two seconds. */
export async function roundTripMs({ connection }: Pick<Broker, 'connection'>): Promise<number | undefined> {
  return await valueWithin(connection.rtt(), PING_MS);
}

/** Version of the server, as it said when the client connected. */
export function serverVersion({ connection }: Pick<Broker, 'connection'>): string | undefined {
  return connection.info?.version;
}

/**
 * Whether the server is part of a cluster. A server alone that is a leaf node of another system says that its cluster has its own
 * name, but names no addresses of a cluster. Without JetStream of its own, it may lead to a cluster.
 */
export function isClustered({ connection }: Pick<Broker, 'connection'>): boolean {
  const { cluster, server_name, jetstream, connect_urls } = connection.info ?? {};
  const isLeafAlone = cluster === server_name && jetstream === true && connect_urls === undefined;
  return cluster !== undefined && !isLeafAlone;
}

/**
 * Copies of each stream: the setting, or what the server can hold if it is not set.
 * @throws ThroughlineError `config-invalid` for more than one copy on one server
 */
export function replicasOf(broker: Pick<Broker, 'connection'>, setting: number | undefined): number {
  const canHoldMore = isClustered(broker);
  if (setting !== undefined && setting > 1 && !canHoldMore) {
    const message = `STREAM_REPLICAS (--replicas) is ${setting}, but this nats-server is not in a cluster and can hold 1 copy; streams with more copies would be missing after its next start`;
    throw new ThroughlineError('config-invalid', message);
  }
  return setting ?? (canHoldMore ? CLUSTER_REPLICAS : 1);
}
