import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { type StoredEvent, storedEvents } from '../../cli/conformance/broker/stored-events.ts';
import { scratchFolder } from '../support/cleanup.ts';
import { until } from '../support/poll.ts';
import { startTestStack } from '../support/stack.ts';
import { programsOf } from './languages.ts';
import { startExample } from './start-example.ts';

/** One operation of each language: no host has both. */
const NODE = 'fleet.node';
const PYTHON = 'conformance.sleep';
const ACK_WAIT_MS = 2_000;
const JOBS = 40;
const RUN_MS = 1_500;
const END_MS = 60_000;

it('hosts in Node and Python share a group and its lanes: a killed host loses no job, and no attempt is spent on an operation that a host lacks', async ({
  skip,
}) => {
  const worker = (await programsOf('python', skip)).worker;
  const settings = { WORKER_GROUP: 'fleet', WORKER_ACK_WAIT_MS: String(ACK_WAIT_MS), WORKER_OPERATIONS: '>' };
  const stack = await startTestStack({
    operationsFolder: await nodeOperations(),
    worker: { ...settings, WORKER_NAME: 'node-1' },
  });
  const startPython = (WORKER_NAME: string) =>
    startExample(stack, worker, { ...settings, WORKER_NAME }, PYTHON);
  const python = await startPython('python-1');
  const connection = await connect({ servers: stack.nats.url });
  onTestFinished(() => connection.close());
  const manager = await jetstreamManager(connection);
  const jobs = new Map<string, string>();
  const submit = async (operation: string): Promise<void> => {
    const response = await stack.submit({ operation, input: { ms: RUN_MS } });
    const { id } = (await response.json()) as { readonly id: string };
    expect(response.status).toBe(202);
    jobs.set(id, operation);
  };
  const submitHalf = async (): Promise<void> => {
    for (let n = 0; n < JOBS / 2; n++) await submit(n % 2 === 0 ? NODE : PYTHON);
  };
  const eventsOf = (id: string): Promise<StoredEvent[]> => storedEvents(manager, `events.*.${id}`);
  const untilStarted = (operation: string, worker: string): Promise<unknown> =>
    until(`a job that ${worker} has started`, async () => {
      for (const [id, name] of jobs)
        if (name === operation) {
          const last = (await eventsOf(id)).at(-1);
          if (last?.body.kind === 'started' && last.body.worker === worker) return true;
        }
      return false;
    });

  await submitHalf();
  await untilStarted(PYTHON, 'python-1');
  python.signal('SIGKILL');
  await untilStarted(NODE, 'node-1');
  await stack.worker.kill('SIGKILL');
  await submitHalf();
  await Promise.all([startPython('python-2'), stack.addWorker({ WORKER_NAME: 'node-2' })]);

  for (const [id, operation] of jobs) {
    const events = await until(
      `the end of ${id}`,
      async () => {
        const found = await eventsOf(id);
        return found.some(({ isEnd }) => isEnd) && found;
      },
      END_MS,
    );
    const host = operation === NODE ? 'node' : 'python';
    const started = events.filter(({ body }) => body.kind === 'started');
    expect(events.at(-1)?.body).toMatchObject({ kind: 'succeeded', result: { slept: RUN_MS } });
    expect(started.map(({ body }) => body.worker.split('-')[0])).toEqual(started.map(() => host));
    expect(started.map(({ body }) => body.attempt)).toEqual(started.map((_, index) => index + 1));
    expect(started.length).toBeLessThanOrEqual(2);
    expect(new Set(events.map(({ body }) => body.traceId)).size).toBe(1);
  }
});

async function nodeOperations(): Promise<string> {
  const folder = await scratchFolder();
  await symlink(path.resolve('node_modules'), path.join(folder, 'node_modules'));
  await writeFile(
    path.join(folder, 'sleep.ts'),
    `import { setTimeout as delay } from 'node:timers/promises';
import { defineOperation } from 'throughline/worker';
import * as z from 'zod';
export default defineOperation({
  name: '${NODE}',
  input: z.object({ ms: z.number() }),
  run: async ({ input, signal }) => {
    await delay(input.ms, undefined, { signal });
    return { slept: input.ms };
  },
});
`,
  );
  return folder;
}
