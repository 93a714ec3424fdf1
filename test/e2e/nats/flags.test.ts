import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll } from 'vitest';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import { type HostAnnouncement, hostKey } from '../../../shared/api/host-announcement.ts';
import { pauseKey } from '../../../shared/api/pause.ts';
import {
  groupConsumers,
  HOSTS_BUCKET,
  JOBS_STREAM,
  OPERATIONS_BUCKET,
} from '../../../shared/nats/streams.ts';
import { storeConsumer } from '../../../worker-node/broker/store-consumer.ts';
import { runHere } from '../../support/cli/in-process.ts';
import { describeOptions, type Seen } from '../../support/cli/options.ts';
import { startTestNats } from '../../support/nats/nats.ts';

const VALUES = {
  '--check': [],
  '--replicas': ['3'],
  '--as': ['worker'],
  '--operations': ['image.>'],
  '--force': [],
  '--reason': ['too many'],
  '--by': ['ada'],
  '--json': [],
  '--debug': [],
  '--url': ['http://other.test'],
  '--api-key': ['tl_ci_0123456789012345678901'],
};
const GROUP = 'images';

/** A run that does not come as far as NATS. */
async function misuse(args: readonly string[]): Promise<Seen> {
  return await look([...args, '--no-such-option'], 'nats://127.0.0.1:9');
}

async function look(args: readonly string[], natsUrl: string): Promise<Seen> {
  const { stderr, ...seen } = await runHere(args, { environment: { NATS_URL: natsUrl } });
  return { ...seen, stderr: stderr.replace(/^ +at .*$/gm, 'at …') };
}

describeOptions({
  bases: { setup: [[]] },
  values: VALUES,
  scenarios: ['misused', 'empty', 'ready'],
  look: async (args, scenario) => {
    if (scenario === 'misused') return await misuse(args);
    const nats = await startTestNats();
    try {
      if (scenario === 'ready') await look(['setup'], nats.url);
      return await look(args, nats.url);
    } finally {
      await nats.stop();
    }
  },
  refusing: ['--replicas', '--as'],
});

let nats: NatsServer;
let connection: NatsConnection;
let manager: JetStreamManager;
beforeAll(async () => {
  nats = await startTestNats();
  await look(['setup'], nats.url);
  connection = await connect({ servers: nats.url });
  manager = await jetstreamManager(connection);
});
afterAll(async () => {
  await connection.close();
  await nats.stop();
});

describeOptions({
  bases: { 'groups list': [[]], 'groups move': [[GROUP, 'pictures']], 'groups remove': [[GROUP]] },
  values: VALUES,
  scenarios: ['misused', 'idle', 'busy'],
  look: async (args, scenario) => {
    if (scenario === 'misused') return await misuse(args);
    await makeGroup(scenario === 'busy');
    return await look(args, nats.url);
  },
});

describeOptions({
  bases: { workers: [[]], pause: [['echo']], resume: [['echo']] },
  values: VALUES,
  scenarios: ['misused', 'running', 'paused'],
  look: async (args, scenario) => {
    if (scenario === 'misused') return await misuse(args);
    await makeGroup(true);
    const bucket = await new Kvm(jetstream(connection)).open(OPERATIONS_BUCKET);
    await bucket.put('echo', JSON.stringify({ name: 'echo' }));
    const before = { paused: scenario === 'paused', by: 'grace', since: '2026-01-01T00:00:00.000Z' };
    await bucket.put(pauseKey('echo'), JSON.stringify(before));
    const { stdout, ...seen } = await look(args, nats.url);
    const written = (await bucket.get(pauseKey('echo')))?.string() ?? '';
    const settled = (text: string): string =>
      text.replaceAll(/20[0-9T:.-]+Z/g, 'then').replaceAll(/"clockAheadMs":-?[0-9]+/g, '');
    return {
      ...seen,
      stdout: settled(stdout),
      requests: written === JSON.stringify(before) ? [] : [settled(written)],
    };
  },
});

/** Makes {@link GROUP} the only group. @param isAlive whether one of its hosts is alive */
async function makeGroup(isAlive: boolean): Promise<void> {
  for await (const { name } of manager.consumers.list(JOBS_STREAM))
    await manager.consumers.delete(JOBS_STREAM, name);
  const chosen = { group: GROUP, operations: ['echo'], ackWaitMs: 30_000, maxAckPending: 100 };
  for (const { definition } of groupConsumers(chosen))
    await storeConsumer({ connection, manager }, JOBS_STREAM, definition, 'create');
  const host: HostAnnouncement = {
    host: 'host-1',
    version: '1',
    group: isAlive ? GROUP : 'others',
    concurrency: 1,
    operations: ['echo'],
    since: new Date().toISOString(),
    leaseMs: 60_000,
  };
  await jetstream(connection).publish(`$KV.${HOSTS_BUCKET}.${hostKey(host.host)}`, JSON.stringify(host));
}
