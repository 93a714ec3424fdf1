import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { type StoredEvent, storedEvents } from '../../cli/conformance/broker/stored-events.ts';
import type { SpanRecord } from '../../shared/trace/span-record.ts';
import { scratchFolder } from '../support/cleanup.ts';
import { until } from '../support/poll.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { type Caller, tenants } from '../support/tenants.ts';
import { programsOf } from './languages.ts';
import { startExample } from './start-example.ts';

/** Who has which operation. No host has all of them. */
const HOSTS_OF: Readonly<Record<string, readonly string[]>> = {
  'fleet.node': ['node'],
  'conformance.sleep': ['python', 'go'],
  'conformance.echo': ['node', 'python', 'go'],
};
const OPERATIONS = Object.keys(HOSTS_OF);
const TENANTS = Array.from({ length: 7 }, (_, n) => `tenant${n}`);
const ACK_WAIT_MS = 2_000;
/** Jobs in each of the three parts; between two parts hosts end. */
const PART = 105;
const RUN_MS = 400;
const END_MS = 120_000;
const SETTINGS = {
  WORKER_GROUP: 'fleet',
  WORKER_OPERATIONS: 'fleet.*,conformance.echo,conformance.sleep',
  WORKER_ACK_WAIT_MS: String(ACK_WAIT_MS),
  WORKER_CONCURRENCY: '8',
  WORKER_STOP_TIMEOUT_MS: '100',
};
/** The hosts that are ended with SIGKILL. Only these may cost an attempt. */
const KILLED = ['python-1', 'node-1'];

it('hosts in Node, Python and Go share tenants, lanes and a list of operations: hosts that are killed or stopped lose no job, no attempt is spent on an operation that a host lacks, and each trace is whole', async ({
  skip,
}) => {
  const commands = {
    python: (await programsOf('python', skip)).worker,
    go: (await programsOf('go', skip)).worker,
  };
  const { callers, API_KEYS } = await tenants(...TENANTS);
  const stack = await startTestStack({
    edge: { API_KEYS },
    operationsFolder: await nodeOperations(),
    worker: { ...SETTINGS, WORKER_NAME: 'node-1' },
  });
  const known = {
    ...stack,
    call: (...[place, init]: Parameters<TestStack['call']>) =>
      (callers.tenant0 as Caller).call(stack.url, place, init),
  };
  const start = (language: keyof typeof commands, number: number) =>
    startExample(
      known,
      commands[language],
      { ...SETTINGS, WORKER_NAME: `${language}-${number}` },
      'conformance.sleep',
    );
  const python = await start('python', 1);
  const go = await start('go', 1);
  const connection = await connect({ servers: stack.nats.url });
  onTestFinished(() => connection.close());
  const manager = await jetstreamManager(connection);
  const running = new RunningJobs();
  connection.subscribe('events.*.*', { callback: (_, message) => running.take(message.json()) });
  const jobs = new Map<string, string>();
  const submitPart = async (): Promise<void> => {
    const orders = Array.from({ length: PART }, (_, n) => [TENANTS[n % 7], OPERATIONS[n % 3]] as const);
    for (const [tenant = '', operation = ''] of orders) {
      const caller = callers[tenant] as Caller;
      const response = await caller.submit(stack.url, { operation, input: { ms: RUN_MS } });
      expect(response.status).toBe(202);
      jobs.set(((await response.json()) as { readonly id: string }).id, operation);
    }
  };

  // Hosts end while jobs are submitted.
  const first = submitPart();
  await until('python-1 to run a job', () => running.has('python-1'));
  python.signal('SIGKILL');
  await first;
  const second = submitPart();
  await until('node-1 to run a job', () => running.has('node-1'));
  await stack.worker.kill('SIGKILL');
  await until('go-1 to run a job', () => running.has('go-1'));
  go.signal('SIGTERM');
  await second;
  await submitPart();
  await Promise.all([start('python', 2), start('go', 2), stack.addWorker({ WORKER_NAME: 'node-2' })]);
  await until('each job to have an end', () => running.ended.size >= jobs.size, END_MS);

  const events = Map.groupBy(await storedEvents(manager, 'events.*.*'), ({ body }) => body.jobId);
  expect([...events.keys()].sort()).toEqual([...jobs.keys()].sort());
  for (const [id, operation] of jobs) checkJob(events.get(id) ?? [], operation);
  // Each kill cost an attempt: otherwise the hosts were killed while they had nothing.
  expect([...new Set([...events.values()].flatMap(spentAt))].sort()).toEqual([...KILLED].sort());
  const ends = [...events.values()].map((all) => all.at(-1)?.body);
  const kept = ends.flatMap((end) => (end === undefined || KILLED.includes(end.worker) ? [] : [end]));
  expect(kept.length).toBeGreaterThan(PART);
  for (const { traceId, spanId } of kept)
    await stack.collector.waitForSpans(traceId, (spans) => isWhole(spans, spanId), END_MS);
}, 300_000);

/** What the events say while the fleet works. What is stored is read at the end. */
class RunningJobs {
  readonly ended = new Set<string>();
  readonly #running = new Map<string, string>();

  take({ kind, jobId, worker }: StoredEvent['body']): void {
    this.#running.delete(jobId);
    if (kind === 'started') this.#running.set(jobId, worker);
    if (['succeeded', 'failed', 'cancelled'].includes(kind)) this.ended.add(jobId);
  }

  has(host: string): boolean {
    return [...this.#running.values()].includes(host);
  }
}

/** One end, at hosts that have the operation; an attempt is spent only by a host that was killed while it had the job. */
function checkJob(events: readonly StoredEvent[], operation: string): void {
  const told = events.map(({ body }) => `${body.kind} ${body.attempt} ${body.worker}`).join(', ');
  expect(
    events.filter(({ isEnd }) => isEnd),
    told,
  ).toHaveLength(1);
  expect(events.at(-1)?.body.kind, told).toBe('succeeded');
  expect(new Set(events.map(({ body }) => body.traceId)).size, told).toBe(1);
  const started = events.filter(({ body }) => body.kind === 'started');
  for (const [place, { body }] of started.entries()) {
    expect(HOSTS_OF[operation], told).toContain(body.worker.split('-')[0]);
    const before = started[place - 1]?.body;
    const spent = body.attempt - (before?.attempt ?? 0);
    if (before !== undefined) expect(spent, told).toBe(KILLED.includes(before.worker) ? 1 : 0);
    else expect(body.attempt, told).toBe(1);
  }
}

/** The hosts that had started an attempt which another host's `started` counts as spent. */
function spentAt(events: readonly StoredEvent[]): string[] {
  const started = events.filter(({ body }) => body.kind === 'started').map(({ body }) => body);
  return started.flatMap(({ attempt, worker }, place) => {
    const next = started[place + 1];
    return next !== undefined && next.attempt > attempt ? [worker] : [];
  });
}

/** Whether a trace has the span of an attempt, whose parent is the span that sent the job, and no span without its parent. */
function isWhole(spans: readonly SpanRecord[], attempt: string): boolean {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const found = spans.find(({ spanId }) => spanId === attempt);
  const sent = spans.find(({ spanId }) => spanId === found?.parentSpanId);
  return (
    found?.kind === 'CONSUMER' &&
    sent?.kind === 'PRODUCER' &&
    spans.every(({ parentSpanId }) => parentSpanId === undefined || ids.has(parentSpanId))
  );
}

async function nodeOperations(): Promise<string> {
  const folder = await scratchFolder();
  await symlink(path.resolve('node_modules'), path.join(folder, 'node_modules'));
  for (const name of ['fleet.node', 'conformance.echo'])
    await writeFile(
      path.join(folder, `${name.replace('.', '-')}.ts`),
      `import { setTimeout as delay } from 'node:timers/promises';
import { defineOperation } from 'throughline/worker';
import * as z from 'zod';
export default defineOperation({
  name: '${name}',
  input: z.object({ ms: z.number() }),
  run: async ({ input, signal }) => {
    await delay(input.ms, undefined, { signal });
    return input;
  },
});
`,
    );
  return folder;
}
