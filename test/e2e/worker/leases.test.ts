import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished } from 'vitest';
import { createCallbackSecret } from '../../../shared/text/secret.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { startCallbackReceiver } from '../../support/http/callback-receiver.ts';
import { connectTo, effectsIn, jobEnded, readJob, submitJob, untilQueueEmpty } from '../../support/jobs.ts';
import { eventsByJob } from '../../support/nats/stored.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';
import { documentedSql } from './documented-sql.ts';

/** A system with one worker, and the files of its jobs. */
async function scene(worker: Record<string, string> = {}) {
  const stack = await withTestStack({
    operationsFolder: 'test/fixtures/operations',
    worker: { WORKER_ACK_WAIT_MS: '1000', WORKER_NAME: 'first', ...worker },
    tracing: false,
  });
  const folder = await scratchFolder();
  const [gate, effects, database] = ['gate', 'effects', 'database'].map((name) => path.join(folder, name));
  if (gate === undefined || effects === undefined || database === undefined) throw new Error('no files');
  const happened = (line: string): Promise<unknown> =>
    until(line, async () => (await effectsIn(effects)).includes(line));
  return { stack, gate, effects, database, happened };
}

/** Pauses the worker, and starts another one, which gets the job after the ack wait. */
async function takeOver(stack: TestStack): Promise<void> {
  await stack.worker.kill('SIGSTOP');
  await stack.addWorker({ WORKER_NAME: 'second' });
}

it('a worker that was paused before the first line of an operation does not begin a job that ended meanwhile (W4)', async () => {
  const { stack, gate, effects, happened } = await scene();
  const nats = await connectTo(stack);
  const job = await submitJob(stack, 'test.lease', { mode: 'check', gate, effects });
  await happened('checking');
  await takeOver(stack);
  await writeFile(gate, '');
  expect(await jobEnded(stack, job.id)).toMatchObject({ state: 'succeeded', attempt: 2 });
  await stack.worker.kill('SIGCONT');
  await until('the first attempt to end', () =>
    stack.logs().some(({ msg, state }) => state === 'duplicate' && String(msg).includes('not recorded')),
  );
  await untilQueueEmpty(nats);
  expect((await effectsIn(effects)).filter((line) => line.startsWith('begun'))).toEqual(['begun 2']);
});

it('an attempt that lost its job and ends well ends the job, and the attempt that took over is told so (W4)', async () => {
  const receiver = await startCallbackReceiver();
  onTestFinished(() => receiver.stop());
  const { stack, gate, effects, happened } = await scene({
    CALLBACK_ALLOW: receiver.origin,
    CALLBACK_SECRET: createCallbackSecret(),
  });
  const nats = await connectTo(stack);
  const callback = { url: `${receiver.origin}/ended` };
  const job = await submitJob(stack, 'test.lease', { mode: 'spin', gate, effects }, { callback });
  await happened('begun 1');
  await takeOver(stack);
  await happened('begun 2');
  await writeFile(gate, '');
  await stack.worker.kill('SIGCONT');
  await happened('aborted 2: the job has ended');
  await untilQueueEmpty(nats);

  const ended = { state: 'succeeded', attempt: 1, result: { attempt: 1 } };
  expect(await readJob(stack, job.id)).toMatchObject({
    ...ended,
    attempts: [
      { number: 1, worker: 'first', outcome: 'succeeded' },
      { number: 2, worker: 'second', outcome: 'lost' },
    ],
  });
  const events = (await eventsByJob(nats)).get(job.id) ?? [];
  expect(events.map(({ kind, attempt, worker }) => [kind, attempt, worker])).toEqual([
    ['started', 1, 'first'],
    ['started', 2, 'second'],
    ['succeeded', 1, 'first'],
  ]);
  await until('the callback', () => receiver.at('/ended').length > 0);
  expect(receiver.at('/ended').map(({ body }) => JSON.parse(body).data)).toMatchObject([ended]);
});

it('a database refuses what an attempt writes after a later one, with the SQL that the docs show', async () => {
  const { stack, gate, effects, database, happened } = await scene();
  const { table, write } = await documentedSql();
  const opened = new DatabaseSync(database);
  onTestFinished(() => opened.close());
  opened.exec(table);
  const input = { mode: 'write', gate, effects, database, statement: write };
  const job = await submitJob(stack, 'test.lease', input);
  await happened('begun 1');
  await takeOver(stack);
  expect(await jobEnded(stack, job.id)).toMatchObject({ state: 'succeeded', result: { attempt: 2 } });
  await writeFile(gate, '');
  await stack.worker.kill('SIGCONT');
  await happened('attempt 1 wrote 0');
  expect(opened.prepare('SELECT * FROM exports').all()).toMatchObject([
    { job_id: job.id, file: 'by attempt 2' },
  ]);
});
