import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeAll, expect, it } from 'vitest';
import type { NatsServer } from '../../../../dev/nats-server/start.ts';
import { RedriveReport } from '../../../../shared/api/answers/dead-letter.ts';
import { EDGE_PERMISSIONS } from '../../../../shared/nats/permissions/edge.ts';
import { scratchFolder } from '../../../support/cleanup.ts';
import { deadLetters, idsOf } from '../../../support/dead-letters.ts';
import { startTestCluster, startTestNats } from '../../../support/nats/nats.ts';
import { until } from '../../../support/poll.ts';
import { problemOf, type TestStack, withTestStack } from '../../../support/stack.ts';
import { tenants } from '../../../support/tenants.ts';

const PAGES = '$JS.API.DIRECT.GET.DEAD';
const { callers, API_KEYS } = await tenants('acme');

let directory: string;
beforeAll(async () => {
  directory = await scratchFolder();
});

/** A stack on this NATS with three dead letters, and requests of their tenant. */
async function withThree(nats: NatsServer, edge: Readonly<Record<string, string>> = {}) {
  const stack: TestStack = await withTestStack({
    nats,
    operationsFolder: 'test/fixtures/operations',
    edge: { API_KEYS, ...edge },
  });
  const requests = deadLetters(callers, () => stack.url);
  const ids: string[] = [];
  const gate = path.join(directory, `gate-${Math.random()}`);
  for (let n = 0; n < 3; n++) ids.push((await requests.dead('acme', gate)).id);
  const redriveAll = async (body = {}): Promise<RedriveReport> =>
    RedriveReport.parse(await (await requests.post('acme', '/v1/dead-letters/redrive', body)).json());
  return { ...requests, stack, ids, gate, redriveAll };
}

it('an edge that may not read pages lists and redrives dead letters one by one, and says so', async () => {
  const allowed = EDGE_PERMISSIONS.filter(({ subject }) => subject !== PAGES);
  const list = (action: string): string =>
    JSON.stringify(
      allowed.filter((permission) => permission.action === action).map(({ subject }) => subject),
    );
  const edge = `{user: edge, password: edge, permissions: {publish: {allow: ${list('publish')}}, subscribe: {allow: ${list('subscribe')}}}}`;
  const nats = await startTestNats({
    extraConfig: `accounts {A {jetstream: enabled, users: [${edge}, {user: all, password: all}]}}, no_auth_user: all`,
  });
  const {
    stack,
    ids,
    list: listed,
    redriveAll,
  } = await withThree(nats, {
    NATS_USER: 'edge',
    NATS_PASSWORD: 'edge',
  });
  expect(idsOf(await listed('acme'))).toEqual(ids);
  const page = await listed('acme', '?limit=2');
  expect(idsOf(await listed('acme', `?limit=2&cursor=${page.cursor}`))).toEqual(ids.slice(2));
  expect(await redriveAll()).toEqual({ redriven: ids, failed: [] });
  const ready = await stack.call('/readyz');
  expect([ready.status, await ready.text()]).toEqual([200, expect.stringContaining(PAGES)]);
  await stack.stop();
  await nats.stop();
});

it('an edge whose stream allows no pages lists dead letters one by one', async () => {
  const nats = await startTestNats();
  const { ids, list, redriveAll, stack } = await withThree(nats);
  const connection = await connect({ servers: nats.url });
  await (await jetstreamManager(connection)).streams.update('DEAD', { allow_direct: false });
  await connection.close();
  expect(idsOf(await list('acme'))).toEqual(ids);
  expect(await redriveAll()).toEqual({ redriven: ids, failed: [] });
  await stack.stop();
  await nats.stop();
});

it('a redrive of many that fills the queue says which it left, and its cursor leads there', async () => {
  const nats = await startTestNats();
  const { ids, list, post, submit, inState, dead, redriveAll, stack, gate } = await withThree(nats);
  await writeFile(gate, '');
  const large = { mode: 'fail-while', gate, effects: `${gate}.effects`, more: 'x'.repeat(200_000) };
  const { id } = await submit('acme', large, { maxAttempts: 1 });
  await inState('acme', id, 'failed');
  const last = (await dead('acme', gate)).id;
  await rm(gate);
  const connection = await connect({ servers: nats.url });
  const manager = await jetstreamManager(connection);
  await manager.streams.update('JOBS', { max_bytes: 100_000 });
  const first = await redriveAll();
  expect(first).toEqual({
    redriven: [...ids, last],
    failed: [],
    stopped: 'stream-full',
    cursor: expect.any(String),
  });
  for (const redriven of first.redriven) await inState('acme', redriven, 'succeeded');
  expect(idsOf(await list('acme'))).toEqual([id]);
  const full = await post('acme', '/v1/dead-letters/redrive', { cursor: first.cursor });
  expect(await problemOf(full)).toMatchObject({ status: 503, code: 'stream-full' });
  await manager.streams.update('JOBS', { max_bytes: -1 });
  await connection.close();
  expect(await redriveAll({ cursor: first.cursor })).toEqual({ redriven: [id], failed: [] });
  await inState('acme', id, 'succeeded');
  await stack.stop();
  await nats.stop();
});

it('in a cluster a list never shows a dead letter that was redriven, from whatever server it comes', async () => {
  const cluster = await startTestCluster();
  const leader = async () => (await cluster.leaderOf('DEAD')).name;
  const follower = cluster.nodes[0]?.server as NatsServer;
  const { ids, list, redriveAll, stack, dead } = await withThree(follower);
  expect(idsOf(await list('acme'))).toEqual(ids);
  const connection = await connect({ servers: follower.url });
  const manager = await jetstreamManager(connection);
  await manager.streams.update('DEAD', { num_replicas: 3 });
  await cluster.untilCurrent('DEAD');
  // The edge is connected to a server that is not the leader.
  await until('another leader', async () => {
    if ((await leader()) !== cluster.nodes[0]?.name) return true;
    await connection.request('$JS.API.STREAM.LEADER.STEPDOWN.DEAD', '', { timeout: 5_000 });
    return false;
  });
  const gate = path.join(directory, 'cluster');
  for (let round = 0; round < 5; round++) {
    const all = idsOf(await list('acme'));
    await writeFile(gate, '');
    const { id } = await dead('acme', gate);
    expect(idsOf(await list('acme'))).toEqual([...all, id]);
    const { redriven } = await redriveAll();
    expect(redriven).toEqual([...all, id]);
    // They fail again, since their gates are shut. Those that are dead again have a redrive count.
    for (const { id: shown, redriveCount = 0 } of (await list('acme')).deadLetters)
      if (shown === id) expect(redriveCount).toBeGreaterThan(0);
    await until('all dead again', async () => (await list('acme')).deadLetters.length === all.length + 1);
  }
  await connection.close();
  await stack.stop();
  await cluster.stop();
});
