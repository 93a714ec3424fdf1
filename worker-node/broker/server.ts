import type { NatsConnection } from '@nats-io/transport-node';

/** Copies in a cluster: two of three servers are a majority. */
const CLUSTER_REPLICAS = 3;

/** Whether this connection leads to a server that is part of a cluster. */
export function isClustered({ info }: Pick<NatsConnection, 'info'>): boolean {
  return info?.cluster !== undefined;
}

/** How many copies streams are to have: as set, else what the server can keep. */
export function replicasOf(connection: Pick<NatsConnection, 'info'>, set: number | undefined): number {
  return set ?? (isClustered(connection) ? CLUSTER_REPLICAS : 1);
}
