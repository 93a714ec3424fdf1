import { expect, it, onTestFinished } from 'vitest';
import { startWorkerProcess, type WorkerProcess } from '../../../dev/worker/start.ts';
import { OperationList } from '../../../shared/api/answers/operation-list.ts';
import type { Job } from '../../../shared/job/job.ts';
import { jobEnded, listedOperation, submitJob } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

const FOLDER = 'test/fixtures/deploy';
/** The longest pause of a job that another host of its group can run. */
const HAND_BACK_MS = 1_000;
/** How many jobs are under way at a time. */
const LOAD = 12;

/** A host of the stack with the operations of one side of the deploy. */
async function host(
  stack: TestStack,
  version: 'before' | 'after',
  name: string,
  onLog: (line: string) => void = () => undefined,
): Promise<WorkerProcess> {
  const worker = await startWorkerProcess({
    environment: {
      NATS_URL: stack.nats.url,
      HEALTH_PORT: '0',
      WORKER_NAME: name,
      WORKER_VERSION: version,
      WORKER_STOP_TIMEOUT_MS: '2000',
    },
    operationsFolder: `${FOLDER}/${version}`,
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
