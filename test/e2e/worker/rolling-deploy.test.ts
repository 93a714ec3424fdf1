import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, it, onTestFinished } from 'vitest';
import { startWorkerProcess, type WorkerProcess } from '../../../dev/worker/start.ts';
import { OperationList } from '../../../shared/api/answers/operation-list.ts';
import type { Job } from '../../../shared/job/job.ts';
import { OPERATIONS_STREAM } from '../../../shared/nats/streams.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { connectTo, jobEnded, listedOperation, submitJob, untilHosts } from '../../support/jobs.ts';
import { eventsByJob } from '../../support/nats/stored.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

const FOLDER = 'test/fixtures/deploy';
/** The longest pause of a job that another host of its group can run. */
const HAND_BACK_MS = 1_000;
/** How many jobs are under way at a time. */
const LOAD = 12;

/** A folder with one version of `own.narrow`, which takes nothing but these fields and returns the name of the version. */
async function narrowFolder(version: string, fields: readonly string[]): Promise<string> {
  const folder = await scratchFolder();
  const validate = `(value) => Object.keys(value).every((key) => ${JSON.stringify(fields)}.includes(key)) ? { value } : { issues: [{ message: 'has other fields' }] }`;
  const text = `import { defineOperation } from 'throughline/worker';
export default defineOperation({ name: 'own.narrow', description: '${version}', input: { '~standard': { version: 1, vendor: 'test', validate: ${validate} } }, run: () => '${version}' });`;
  await writeFile(path.join(folder, 'narrow.mjs'), text);
  return folder;
}

/** A host of the stack with the operations of one side of the deploy. */
async function host(
  stack: TestStack,
  version: 'before' | 'after',
  name: string,
  onLog: (line: string) => void = () => undefined,
  folder = `${FOLDER}/${version}`,
): Promise<WorkerProcess> {
  const worker = await startWorkerProcess({
    environment: {
      NATS_URL: stack.nats.url,
      HEALTH_PORT: '0',
      WORKER_NAME: name,
      WORKER_VERSION: version,
      WORKER_STOP_TIMEOUT_MS: '2000',
    },
    operationsFolder: folder,
    onLog,
  });
  onTestFinished(() => worker.stop());
  return worker;
}

/** Submits jobs of these operations in turn, a few at a time, until it is told to stop. */
function load(stack: TestStack, operations: () => readonly string[]) {
  const ended: Job[] = [];
  const open: string[] = [];
  let isOver = false;
  const one = async (first: number): Promise<void> => {
    for (let n = first; !isOver; n += LOAD) {
      const names = operations();
      const name = names[n % names.length] ?? '';
      open.push(name);
      const { id } = await submitJob(stack, name, { n });
      ended.push(await jobEnded(stack, id));
      open.splice(open.indexOf(name), 1);
    }
  };
  const running = Promise.all(Array.from({ length: LOAD }, (_, first) => one(first)));
  return {
    ended,
    /** The operations of the jobs that are under way. */
    open,
    stop: async () => {
      isOver = true;
      await running;
    },
  };
}

async function hostsOf(stack: TestStack): Promise<Record<string, number | undefined>> {
  const { operations } = OperationList.parse(await (await stack.call('/v1/operations')).json());
  return Object.fromEntries(
    operations.filter(({ name }) => name.startsWith('deploy.')).map(({ name, hosts }) => [name, hosts]),
  );
}

it('W11: a rolling deploy of three hosts under load, with a new, a changed and a removed operation: every job succeeds at its first attempt, and none waits longer than the deploy', async () => {
  const stack = await withTestStack({ operationsFolder: `${FOLDER}/before`, tracing: false });
  await stack.worker.stop();
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const old = await Promise.all(['old-1', 'old-2', 'old-3'].map((name) => host(stack, 'before', name, log)));
  // The edge learns of a start or a stop a moment later.
  await expect
    .poll(() => hostsOf(stack))
    .toEqual({ 'deploy.kept': 3, 'deploy.changed': 3, 'deploy.removed': 3 });

  // Callers use the new operation as soon as one host has it, and the removed one as long as one host has it.
  let operations = ['deploy.kept', 'deploy.changed', 'deploy.removed'];
  const traffic = load(stack, () => operations);
  const startedMs = Date.now();
  for (const [index, before] of old.entries()) {
    await host(stack, 'after', `new-${index + 1}`, log);
    operations = ['deploy.kept', 'deploy.changed', 'deploy.removed', 'deploy.added'];
    if (index === old.length - 1) operations = ['deploy.kept', 'deploy.changed', 'deploy.added'];
    await until('jobs to be run beside each other', () => traffic.ended.length > 40 * (index + 1));
    // The jobs of the removed operation end before its last host does.
    await until(
      'the jobs of the last old host',
      () => operations.includes('deploy.removed') || !traffic.open.includes('deploy.removed'),
    );
    await before.stop();
  }
  const deployMs = Date.now() - startedMs;
  await traffic.stop();

  // Jobs did come to hosts that do not have their operation.
  expect(lines.filter((line) => line.includes('does not have the operation')).length).toBeGreaterThan(0);
  const names = new Set(traffic.ended.map(({ operation }) => operation));
  expect(names).toEqual(new Set(['deploy.kept', 'deploy.changed', 'deploy.removed', 'deploy.added']));
  for (const job of traffic.ended) {
    expect(job).toMatchObject({ state: 'succeeded', attempt: 1 });
    const waitedMs = Date.parse(job.startedAt ?? '') - Date.parse(job.acceptedAt);
    expect(waitedMs).toBeLessThan(deployMs);
  }
  const waits = traffic.ended.map(
    ({ acceptedAt, startedAt = '' }) => Date.parse(startedAt) - Date.parse(acceptedAt),
  );
  // Eight hosts in a row without the operation are unlikely.
  expect(Math.max(...waits)).toBeLessThan(Math.max(deployMs, 8 * HAND_BACK_MS));
  await expect
    .poll(() => hostsOf(stack))
    .toEqual({
      'deploy.kept': 3,
      'deploy.changed': 3,
      'deploy.added': 3,
      'deploy.removed': 0,
    });
  const changed = await listedOperation(stack, 'deploy.changed');
  expect(JSON.stringify(changed?.inputSchema)).toContain('note');
});

/** A system with two hosts, of which the newer one takes one field more in the input of `own.narrow`. */
async function withTwoVersions() {
  const stack = await withTestStack({
    operationsFolder: await narrowFolder('before', ['n']),
    tracing: false,
  });
  const newer = await host(stack, 'after', 'newer', undefined, await narrowFolder('after', ['n', 'note']));
  await until(
    'the newer version',
    async () => (await listedOperation(stack, 'own.narrow'))?.description === 'after',
  );
  return { stack, newer };
}

it('a job whose input only the newer version of its operation takes spends no attempt on a host with the older one, and fails where no version takes it', async () => {
  const { stack, newer } = await withTwoVersions();
  const nats = await connectTo(stack);
  const handedBack = async (ids: readonly string[]): Promise<boolean> => {
    const events = await eventsByJob(nats);
    return ids.some((id) => events.get(id)?.some(({ kind }) => kind === 'released'));
  };
  /** Runs such jobs until one of them has met the host with the older version. */
  const runUntilHandedBack = async (input: object): Promise<Job[]> => {
    const jobs: Job[] = [];
    await until('a job that met the older version', async () => {
      const ids = await Promise.all(
        Array.from({ length: 4 }, async () => (await submitJob(stack, 'own.narrow', input)).id),
      );
      jobs.push(...(await Promise.all(ids.map((id) => jobEnded(stack, id)))));
      return await handedBack(ids);
    });
    return jobs;
  };
  for (const job of await runUntilHandedBack({ n: 1, note: 'a' }))
    expect(job).toMatchObject({ state: 'succeeded', attempt: 1, result: 'after' });
  for (const job of await runUntilHandedBack({ other: 1 }))
    expect(job).toMatchObject({ state: 'failed', attempt: 1, error: { code: 'input-invalid' } });

  await newer.stop();
  const { id } = await submitJob(stack, 'own.narrow', { n: 1, note: 'a' });
  expect(await jobEnded(stack, id)).toMatchObject({
    state: 'failed',
    attempt: 1,
    error: { code: 'input-invalid' },
  });
});

it('a job whose input this version refuses ends if the host that announced another one has the operation no longer', async () => {
  const { stack, newer } = await withTwoVersions();
  // Of the same name, and without the operation.
  await host(stack, 'after', 'newer');
  await newer.stop();
  const { id } = await submitJob(stack, 'own.narrow', { n: 1, note: 'a' });
  expect(await jobEnded(stack, id)).toMatchObject({ state: 'failed', error: { code: 'input-invalid' } });
});

it('a job whose input no version takes ends though the bucket with the definitions is gone', async () => {
  const stack = await withTestStack({
    operationsFolder: await narrowFolder('before', ['n']),
    tracing: false,
  });
  await untilHosts(stack, 1, 'own.narrow');
  const manager = await jetstreamManager(await connectTo(stack));
  await manager.streams.delete(OPERATIONS_STREAM);
  const { id } = await submitJob(stack, 'own.narrow', { other: 1 });
  expect(await jobEnded(stack, id)).toMatchObject({ state: 'failed', error: { code: 'input-invalid' } });
});
