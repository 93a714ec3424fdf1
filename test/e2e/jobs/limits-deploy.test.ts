import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startWorkerProcess } from '../../../dev/worker/start.ts';
import { OperationList } from '../../../shared/api/answers/operation-list.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { connectTo, jobEnded, readJob, submitJob, untilQueueEmpty } from '../../support/jobs.ts';
import { expectRate, mostAtOnce, startsOf } from '../../support/nats/limits.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';

const FOLDER = 'test/fixtures/limited';
/** What the two versions of the operations allow. */
const BEFORE = { places: 2, starts: 4 };
const AFTER = { places: 5, starts: 8 };
const SETTINGS = { WORKER_ACK_WAIT_MS: '2000', WORKER_CONCURRENCY: '8', WORKER_STOP_TIMEOUT_MS: '500' };

it('a deploy changes the limits of the jobs that wait, and costs none of them an attempt', async () => {
  const stack = await withTestStack({
    operationsFolder: `${FOLDER}/before`,
    worker: SETTINGS,
    tracing: false,
  });
  const nats = await connectTo(stack);
  const gate = path.join(await scratchFolder(), 'gate');
  const submitAll = async (operation: string, count: number, input: unknown): Promise<string[]> => {
    const ids: string[] = [];
    for (let n = 0; n < count; n++) ids.push((await submitJob(stack, operation, input)).id);
    return ids;
  };
  const waiting = await submitAll('limited.places', 20, { gate });
  const timed = await submitAll('limited.rate', 12, {});
  const running = async (): Promise<number> =>
    (await Promise.all(waiting.map((id) => readJob(stack, id)))).filter(({ state }) => state === 'running')
      .length;
  await until('the jobs that may run', async () => (await running()) === BEFORE.places);
  const next = await startWorkerProcess({
    environment: { ...SETTINGS, NATS_URL: stack.nats.url, HEALTH_PORT: '0', WORKER_NAME: 'next' },
    operationsFolder: `${FOLDER}/after`,
    onLog: () => undefined,
  });
  onTestFinished(() => next.stop());
  await stack.worker.stop();
  await until('the limits of the new version', async () => {
    const { operations } = OperationList.parse(await (await stack.call('/v1/operations')).json());
    return operations.some(({ concurrency }) => concurrency?.limit === AFTER.places);
  });
  timed.push(...(await submitAll('limited.rate', 12, {})));
  await until('more jobs to run', async () => (await running()) === AFTER.places);
  await writeFile(gate, '');
  for (const id of [...waiting, ...timed])
    expect(await jobEnded(stack, id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  expect(await mostAtOnce(nats, waiting)).toBe(AFTER.places);
  expectRate(await startsOf(nats, timed), AFTER.starts, 1_000);
  await untilQueueEmpty(nats);
});
