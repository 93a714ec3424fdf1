import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { setPause } from '../../../../worker-node/broker/operate/pauses.ts';
import { scratchFolder } from '../../../support/cleanup.ts';
import { metricOf } from '../../../support/http/metrics.ts';
import { connectTo, jobEnded, submitJob, untilQueueEmpty } from '../../../support/jobs.ts';
import { eventsByJob } from '../../../support/nats/stored.ts';
import { until } from '../../../support/poll.ts';
import { withTestStack } from '../../../support/stack.ts';

it('a host that stood still while a job waited there for its limit takes it from no other worker when it stops (W4)', async () => {
  const stack = await withTestStack({
    operationsFolder: 'test/fixtures/limited/before',
    worker: { WORKER_ACK_WAIT_MS: '3000', WORKER_NAME: 'first' },
    tracing: false,
  });
  const nats = await connectTo(stack);
  const broker = { jetStream: jetstream(nats), manager: await jetstreamManager(nats) };
  const pause = (paused: boolean) =>
    setPause(broker, 'limited.places', { paused, by: 'ada', since: new Date().toISOString() });
  const folder = await scratchFolder();
  const [gate, nextGate] = [path.join(folder, 'gate'), path.join(folder, 'next-gate')];
  const submit = async (file: string): Promise<string> =>
    (await submitJob(stack, 'limited.places', { customer: 'a', gate: file }, { maxAttempts: 2 })).id;
  const told = async (id: string): Promise<string[]> =>
    ((await eventsByJob(nats)).get(id) ?? []).map(
      ({ kind, attempt, worker }) => `${kind} ${attempt} ${worker}`,
    );
  const has = (id: string, line: string): Promise<unknown> =>
    until(`${id} ${line}`, async () => (await told(id)).includes(line));

  const first = [await submit(gate), await submit(gate)];
  for (const id of first) await has(id, 'started 1 first');
  await pause(true);
  const { id } = await submitJob(
    stack,
    'limited.places',
    { customer: 'a', gate: nextGate },
    { maxAttempts: 1 },
  );
  await has(id, 'released 0 first');
  await pause(false);
  await until(
    'the job to wait for its limit',
    async () => (await metricOf(stack.worker.healthUrl, 'throughline_limits_parked')) === 1,
  );
  await stack.worker.kill('SIGSTOP');
  await writeFile(gate, '');
  await stack.addWorker({ WORKER_NAME: 'second', WORKER_CONCURRENCY: '2' });
  await has(id, 'started 1 second');
  // It has the other place of the limit, and the other slot of the second worker.
  const other = await submit(nextGate);
  await has(other, 'started 1 second');
  await stack.addWorker({ WORKER_NAME: 'third' });
  await stack.worker.kill('SIGTERM');
  await stack.worker.kill('SIGCONT');
  await stack.worker.exited;
  // The third worker has got what was handed back.
  await stack.run('limited.places', { customer: 'b' });
  await writeFile(nextGate, '');
  expect(await jobEnded(stack, id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  await untilQueueEmpty(nats);
  expect(await told(id)).toEqual(['released 0 first', 'started 1 second', 'succeeded 1 second']);
});
