import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NatsCluster } from '../../../dev/nats-server/cluster.ts';
import { startTestCluster } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';

let cluster: NatsCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster.stop());

describe('a started cluster', () => {
  it('keeps the acknowledged messages of a stream with three copies when its leader is killed, and takes the leader back', async () => {
    const nats = await connect({
      servers: [...cluster.urls],
      reconnectTimeWait: 100,
      maxReconnectAttempts: -1,
    });
    const manager = await jetstreamManager(nats);
    await manager.streams.add({ name: 'KEPT', subjects: ['kept'], num_replicas: 3 });
    // The server of this connection may not know yet who stores the subject.
    await until('the stream', () => jetstream(nats).publish('kept', 'before', { msgID: 'before' }));
    const killed = await cluster.killLeader('KEPT');
    const next = await cluster.leaderOf('KEPT');
    expect(next.name).not.toBe(killed.name);
    const other = await connect({ servers: next.server.url });
    await jetstream(other).publish('kept', 'without it');
    await killed.server.restart();
    await cluster.untilReady();
    await cluster.untilCurrent('KEPT');
    const back = await connect({ servers: killed.server.url });
    const stored = await (await jetstreamManager(back)).streams.getMessage('KEPT', { seq: 2 });
    expect(stored?.string()).toBe('without it');
    await Promise.all([nats.close(), other.close(), back.close()]);
  });

  it('has a WebSocket listener on each server', async () => {
    const { wsconnect } = await import('@nats-io/nats-core');
    const names = await Promise.all(
      cluster.nodes.map(async ({ server }) => {
        const connection = await wsconnect({ servers: server.webSocketUrl });
        const name = connection.info?.server_name;
        await connection.close();
        return name;
      }),
    );
    expect(names).toEqual(cluster.nodes.map(({ name }) => name));
  });
});
