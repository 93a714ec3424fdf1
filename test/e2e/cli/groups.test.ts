import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import { startWorkerProcess, type WorkerProcess } from '../../../dev/worker/start.ts';
import { type Ended, runLocal } from '../../support/cli/process.ts';
import { endsOf, untilQueueEmpty } from '../../support/jobs.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';

let nats: NatsServer;
let connection: NatsConnection;
beforeAll(async () => {
  nats = await startTestNats();
  connection = await connect({ servers: nats.url });
});
afterAll(async () => {
  await connection.close();
  await nats.stop();
});

const groups = (...args: string[]): Promise<Ended> => runLocal(['groups', ...args], { NATS_URL: nats.url });

/** A worker host of a group. */
async function host(group: string, operations: string): Promise<WorkerProcess> {
  const worker = await startWorkerProcess({
    environment: settings(group, operations),
    onLog: () => undefined,
  });
  onTestFinished(() => worker.stop());
  return worker;
}

function settings(group: string, operations: string): Record<string, string> {
  return {
    ...{ NATS_URL: nats.url, HEALTH_PORT: '0', WORKER_NAME: `host-of-${group}` },
    ...{ WORKER_GROUP: group, WORKER_OPERATIONS: operations },
  };
}

/** What a worker says that does not start. */
async function refusal(group: string, operations: string): Promise<string> {
  const { code, stderr } = await runLocal(['worker'], settings(group, operations));
  expect(code).toBe(2);
  return stderr;
}

async function list(): Promise<unknown[]> {
  const { stdout, code } = await groups('list', '--json');
  expect(code).toBe(0);
  return (JSON.parse(stdout) as { groups: unknown[] }).groups;
}

describe('a worker group', () => {
  it('that wants operations of another group is refused in a sentence that names the settings and that group', async () => {
    await (await host('first', 'echo')).stop();
    for (const operations of ['>', 'echo']) {
      const sentence = await refusal('second', operations);
      expect(sentence).toContain(`WORKER_GROUP "second" with WORKER_OPERATIONS "${operations}"`);
      expect(sentence).toContain('the group "first", which takes "echo"');
      expect(sentence).toContain('throughline groups move first second');
    }
    const changed = await refusal('first', 'http.>');
    expect(changed).toContain('WORKER_OPERATIONS');
    expect(changed).toContain('throughline groups move');
    await groups('remove', 'first');
  });

  it('is listed with its operations, its hosts and its jobs', async () => {
    const running = await host('listed', 'echo');
    const table = await groups('list');
    expect(table.stdout).toMatch(/^GROUP +OPERATIONS +WAITING +UNSETTLED +HOSTS$/m);
    expect(table.stdout).toMatch(/^listed +echo +0 +0 +host-of-listed$/m);
    await running.stop();
    await jetstream(connection).publish('jobs.normal.p2.demo.listed.echo', '1');
    expect(await list()).toEqual([
      { name: 'listed', operations: ['echo'], hosts: [], waiting: 1, unsettled: 0, pulls: 0 },
    ]);
    const removed = await groups('remove', 'listed');
    expect(removed).toMatchObject({ code: 0 });
    expect(removed.stderr).toContain('1 jobs of its operations wait for another group');
    expect(await list()).toEqual([]);
  });

  it('is renamed with its jobs, but not while its hosts are alive', async () => {
    const old = await host('old', '>');
    await untilQueueEmpty(connection);
    const refused = await groups('move', 'old', 'new');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('the group old has hosts (host-of-old): stop them first');
    expect((await groups('remove', 'old')).code).toBe(2);
    await old.stop();
    await jetstream(connection).publish('jobs.normal.p2.demo.moved.echo', '1');
    expect(await groups('move', 'old', 'new')).toMatchObject({ code: 0 });
    expect(await list()).toEqual([
      { name: 'new', operations: ['>'], hosts: [], waiting: 1, unsettled: 0, pulls: 0 },
    ]);
    await host('new', '>');
    await untilQueueEmpty(connection);
    expect(await endsOf(connection, 'moved')).toEqual(['succeeded']);
  });

  it('gets other operations under its name, unless another group takes some of them', async () => {
    const manager = await jetstreamManager(connection);
    for await (const { name } of manager.consumers.list('JOBS')) await manager.consumers.delete('JOBS', name);
    await (await host('images', 'image.>')).stop();
    await (await host('echoes', 'echo')).stop();
    const moved = await until('the hosts to have said that they stopped', async () => {
      const answer = await groups('move', 'images', 'images', '--operations', 'http.>');
      return answer.code === 0 ? answer : undefined;
    });
    expect(moved).toMatchObject({ stderr: '' });
    const taken = await groups('move', 'images', 'images', '--operations', '>');
    expect(taken.code).toBe(2);
    expect(taken.stderr).toContain('the group echoes takes "echo"');
    const there = await groups('move', 'images', 'echoes');
    expect(there.stderr).toContain('there is a group echoes already');
    const unknown = await groups('move', 'nobody', 'other');
    expect(unknown.stderr).toContain('there is no group nobody; there are echoes, images');
    expect((await list()).map((group) => (group as { operations: string[] }).operations)).toEqual([
      ['echo'],
      ['http.>'],
    ]);
  });

  it('that died counts as alive until its lease ends; --force does not wait for that', async () => {
    const manager = await jetstreamManager(connection);
    for await (const { name } of manager.consumers.list('JOBS')) await manager.consumers.delete('JOBS', name);
    await (await host('dead', '>')).kill('SIGKILL');
    expect((await groups('move', 'dead', 'heir')).code).toBe(2);
    await until('the move', async () => (await groups('move', 'dead', 'heir', '--force')).code === 0);
  });
});
