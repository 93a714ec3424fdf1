import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { scratchFolder } from '../../../support/cleanup.ts';
import {
  connectTo,
  effectsIn,
  jobEnded,
  submitJob,
  takeJob,
  untilQueueEmpty,
} from '../../../support/jobs.ts';
import { eventsByJob } from '../../../support/nats/stored.ts';
import { until } from '../../../support/poll.ts';
import { withTestStack } from '../../../support/stack.ts';

/** A system whose hosts hold messages until they have a slot, and the files of its jobs. */
async function scene(ackWaitMs: number) {
  const stack = await withTestStack({
    operationsFolder: 'test/fixtures/holding',
    worker: { WORKER_ACK_WAIT_MS: String(ackWaitMs), WORKER_CONCURRENCY: '1', WORKER_NAME: 'first' },
    tracing: false,
  });
  const nats = await connectTo(stack);
  const folder = await scratchFolder();
  const [effects, gate, nextGate] = ['effects', 'gate', 'next-gate'].map((name) => path.join(folder, name));
  if (effects === undefined || gate === undefined || nextGate === undefined) throw new Error('no files');
  const submit = async (file: string, priority: string): Promise<string> =>
    (await submitJob(stack, 'test.hold', { gate: file, effects }, { priority, maxAttempts: 1 })).id;
  const begun = (line: string): Promise<unknown> =>
    until(line, async () => (await effectsIn(effects)).includes(line));
  const isHeld = (id: string): boolean =>
    stack.logs().some(({ msg, subject }) => msg === 'message held' && String(subject).includes(id));
  const kindsOf = async (id: string): Promise<string[]> =>
    ((await eventsByJob(nats)).get(id) ?? []).map(
      ({ kind, attempt, worker }) => `${kind} ${attempt} ${worker}`,
    );
  return { stack, nats, effects, gate, nextGate, submit, begun, isHeld, kindsOf };
}

it('a job that is cancelled while its message waits here for a slot does not run, and has one end', async () => {
  const { stack, nats, effects, gate, nextGate, submit, begun, isHeld, kindsOf } = await scene(30_000);
  const first = await submit(gate, 'normal');
  await begun(`${first} 1`);
  const held = await submit(nextGate, 'high');
  await until('the message to be held', () => isHeld(held));
  const answer = await stack.call(`/v1/jobs/${held}`, { method: 'DELETE' });
  expect(answer.status).toBe(202);
  await writeFile(nextGate, '');
  await writeFile(gate, '');
  expect(await jobEnded(stack, held)).toMatchObject({ state: 'cancelled' });
  await untilQueueEmpty(nats);
  expect(await effectsIn(effects)).toEqual([`${first} 1`]);
  expect(await kindsOf(held)).toEqual(['cancelled 1 first']);
});

it('a job whose message waits here for a slot when the host is paused has no more attempts than it may have (W4)', async () => {
  const { stack, nats, effects, gate, nextGate, submit, begun, isHeld, kindsOf } = await scene(10_000);
  await stack.worker.stop();
  const held = await submit(nextGate, 'high');
  // Its first delivery does not count as an attempt.
  const { consumer, message } = await takeJob(nats);
  const second = await stack.addWorker({ WORKER_NAME: 'second' });
  const first = await submit(gate, 'normal');
  await begun(`${first} 1`);
  // Between two pulls there is none.
  await until('a pull', async () => (await consumer.info()).num_waiting === 1);
  message.nak();
  await until('the message to be held', () => isHeld(held));
  await second.kill('SIGSTOP');
  await stack.addWorker({ WORKER_NAME: 'third', WORKER_CONCURRENCY: '10' });
  await begun(`${held} 1`);
  await writeFile(gate, '');
  await second.kill('SIGCONT');
  await until(
    'the message to get its slot',
    async () =>
      (await kindsOf(held)).length > 1 ||
      stack.logs().some(({ msg }) => String(msg).startsWith('message left alone')),
  );
  await writeFile(nextGate, '');
  expect(await jobEnded(stack, held)).toMatchObject({ state: 'succeeded', attempt: 1 });
  await untilQueueEmpty(nats);
  expect(await kindsOf(held)).toEqual(['started 1 third', 'succeeded 1 third']);
  expect((await effectsIn(effects)).filter((line) => line.startsWith(held))).toEqual([`${held} 1`]);
});
