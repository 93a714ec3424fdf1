import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import { streamDefinitions } from '../../../shared/nats/streams.ts';
import { type SetupReport, setUpBroker } from '../../../worker-node/broker/setup.ts';
import { runLocal } from '../../support/cli/process.ts';
import { startTestCluster, startTestNats } from '../../support/nats/nats.ts';

const NAMES = streamDefinitions(1, true).map(({ name }) => name);

async function startNats(extraConfig = ''): Promise<NatsServer> {
  const nats = await startTestNats({ extraConfig });
  onTestFinished(() => nats.stop());
  return nats;
}

async function managerOf({ url }: NatsServer): Promise<JetStreamManager> {
  const connection = await connect({ servers: url });
  onTestFinished(() => connection.close());
  return await jetstreamManager(connection);
}

function setUp({ url }: NatsServer, check: boolean): Promise<SetupReport> {
  const environment = { NATS_URL: url, STREAM_STORE_BYTES: '100000000' };
  return setUpBroker({ environment, check, replicas: undefined });
}

it.each([
  ['setup', { args: ['--replicas', '3'], environment: {} }],
  ['setup --check', { args: ['--check', '--replicas', '3'], environment: {} }],
  ['setup by its setting', { args: [], environment: { STREAM_REPLICAS: '3' } }],
] as const)('one server refuses more than one copy: %s', async (_, { args, environment }) => {
  const nats = await startNats();
  await setUp(nats, false);
  const ended = await runLocal(['setup', ...args], { NATS_URL: nats.url, ...environment });
  expect(ended.stderr).toContain(
    'STREAM_REPLICAS (--replicas) is 3, but this nats-server is not in a cluster',
  );
  expect(ended.code).toBe(2);
  await nats.restart();
  expect((await setUp(nats, true)).streams.map(({ state }) => state)).toEqual(NAMES.map(() => 'found'));
});

it('one server that is a leaf node of another system is no cluster: it gets one copy, and refuses more', async () => {
  const nats = await startNats(
    'server_name: alone, leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:1" }] }',
  );
  const { server, streams } = await setUp(nats, false);
  expect(server.clustered).toBe(false);
  expect(streams.map(({ state, replicas }) => `${state} ${replicas}`)).toEqual(NAMES.map(() => 'created 1'));
  const ended = await runLocal(['setup', '--replicas', '3'], { NATS_URL: nats.url });
  expect(ended.stderr).toContain('this nats-server is not in a cluster');
  expect(ended.code).toBe(2);
});

it('a worker refuses more than one copy on one server', async () => {
  const nats = await startNats();
  const ended = await runLocal(['worker'], { NATS_URL: nats.url, STREAM_REPLICAS: '3', HEALTH_PORT: '0' });
  expect(ended.stderr).toContain(
    'STREAM_REPLICAS (--replicas) is 3, but this nats-server is not in a cluster',
  );
  expect(ended.code).toBeGreaterThan(0);
});

it.each(NAMES)('a stream with copies that one server does not have is found and mended: %s', async (name) => {
  const nats = await startNats();
  await setUp(nats, false);
  const manager = await managerOf(nats);
  await manager.streams.update(name, { num_replicas: 3 });
  const checked = await setUp(nats, true);
  const found = { of: `stream ${name}`, setting: 'num_replicas', actual: 3, wanted: '1', level: 'breaks' };
  expect(checked).toMatchObject({ ok: false });
  expect(checked.streams.flatMap(({ findings }) => findings)).toMatchObject([found]);
  expect(await setUp(nats, false)).toMatchObject({ ok: true });
  await nats.restart();
  expect((await setUp(nats, true)).ok).toBe(true);
});

it.each([
  ['max_streams: 8', 'account: max_streams is 8, but must be -1, or at least 9'],
  ['max_bytes_required: true', 'account: max_bytes_required is true, but must be false'],
  ['max_ack_pending: 100', 'account: max_ack_pending is 100, but must be -1, or at least 1000000'],
])('a limit of the account that is too low is found: %s', async (limit, sentence) => {
  const nats = await startNats(
    `accounts { A { jetstream: { ${limit} }, users: [{ user: a, password: a }] } }\nno_auth_user: a`,
  );
  const ended = await runLocal(['setup', '--check'], { NATS_URL: nats.url });
  expect(ended.stderr).toContain(sentence);
  expect(ended.code).toBe(1);
});

it.each([
  ['max_streams: 3', 'max_streams is 3, but must be -1, or at least 9: there is no room for all streams'],
  ['max_mem: 1MB, max_file: 0', 'max_storage is 0, but must be -1, or more than 0'],
])('a limit of the account is named where it keeps setup from its work: %s', async (limit, sentence) => {
  const nats = await startNats(
    `accounts { A { jetstream: { ${limit} }, users: [{ user: a, password: a }] } }\nno_auth_user: a`,
  );
  const ended = await runLocal(['setup'], { NATS_URL: nats.url });
  expect(ended.stderr).toContain('the server does not create it');
  expect(ended.stderr).toContain(`; account: ${sentence}`);
  expect(ended.code).toBe(2);
});

it('fewer copies than a cluster has are not made in silence', async () => {
  const cluster = await startTestCluster();
  onTestFinished(() => cluster.stop());
  const environment = { NATS_URL: cluster.urls.join(','), STREAM_STORE_BYTES: '100000000' };
  await setUpBroker({ environment, check: false, replicas: undefined });
  const { streams, warnings } = await setUpBroker({ environment, check: false, replicas: 1 });
  expect(streams.map(({ replicas }) => replicas)).toEqual(NAMES.map(() => 3));
  expect(warnings.filter((warning) => warning.includes('more copies than 1'))).toHaveLength(1);
});
