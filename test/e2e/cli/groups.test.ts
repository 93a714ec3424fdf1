import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
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
    NATS_URL: nats.url,
    HEALTH_PORT: '0',
    WORKER_NAME: `host-of-${group}`,
    WORKER_GROUP: group,
    WORKER_OPERATIONS: operations,
  };
}

/** What a worker says that does not start. */
async function refusal(group: string, operations: string, exitCode = 2): Promise<string> {
  const { code, stderr } = await runLocal(['worker'], settings(group, operations));
  expect(code).toBe(exitCode);
  return stderr;
}

const Listed = z.object({ groups: z.array(z.looseObject({ operations: z.array(z.string()) })) });

async function list() {
  const { stdout, code } = await groups('list', '--json');
  expect(code).toBe(0);
  return Listed.parse(JSON.parse(stdout)).groups;
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
    expect(removed.stderr).toContain('1 job of its operations waits for another group');
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
    expect((await list()).map(({ operations }) => operations)).toEqual([['echo'], ['http.>']]);
  });

  it('takes a list of operations, whatever its order, and moves with it', async () => {
    const manager = await jetstreamManager(connection);
    for await (const { name } of manager.consumers.list('JOBS')) await manager.consumers.delete('JOBS', name);
    const first = await host('several', 'test.*,echo');
    const second = await host('several', 'echo,test.*');
    await jetstream(connection).publish('jobs.normal.p2.demo.of-a-list.echo', '1');
    await jetstream(connection).publish('jobs.normal.o2.demo.of-no-group.other', '1');
    expect(await until('the end', async () => (await endsOf(connection, 'of-a-list'))[0])).toBe('succeeded');
    const wanted = ['echo', 'test.>'];
    // The acknowledgement follows the end.
    await expect.poll(list).toMatchObject([{ name: 'several', operations: wanted, unsettled: 0 }]);
    const changed = await refusal('several', 'echo');
    expect(changed).toContain('filter_subject');
    expect(changed).toContain('throughline groups move');
    const other = await refusal('other', 'test.mode');
    expect(other).toContain('the group "several", which takes "echo" and "test.>"');
    await first.stop();
    await second.stop();
    const moved = await until('the hosts to have said that they stopped', async () => {
      const answer = await groups('move', 'several', 'renamed', '--json');
      return answer.code === 0 ? answer : undefined;
    });
    expect(JSON.parse(moved.stdout)).toMatchObject({ name: 'renamed', operations: wanted });
    const one = await groups('move', 'renamed', 'renamed', '--operations', 'other', '--json');
    expect(JSON.parse(one.stdout)).toMatchObject({ operations: ['other'], waiting: 1 });
    await host('renamed', 'other');
  });

  it('does not take two filters for the same jobs, in the settings or by a command', async () => {
    const sentence = 'must name an operation once: test.> and test.mode take the same jobs; leave one out';
    expect(await refusal('twice', 'test.mode,test.*', 78)).toContain(`WORKER_OPERATIONS: ${sentence}`);
    const moved = await groups('move', 'any', 'any', '--operations', 'test.mode,test.*');
    expect(moved.stderr).toContain(sentence);
  });

  it('that died counts as alive until its lease ends; --force does not wait for that', async () => {
    const manager = await jetstreamManager(connection);
    for await (const { name } of manager.consumers.list('JOBS')) await manager.consumers.delete('JOBS', name);
    await (await host('dead', '>')).kill('SIGKILL');
    expect((await groups('move', 'dead', 'heir')).code).toBe(2);
    await until('the move', async () => (await groups('move', 'dead', 'heir', '--force')).code === 0);
  });
});
