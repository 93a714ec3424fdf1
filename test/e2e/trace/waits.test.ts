import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';

const SCHEMA = "{ '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }";
const HOUR_MS = 60 * 60 * 1_000;

/** Runs for longer than the shortest wait that is shown. */
const SLOW = '() => new Promise((done) => setTimeout(done, 2_500, 1))';

async function operationsFolder(): Promise<string> {
  const folder = await scratchFolder();
  const operation = (name: string, more: string, run: string): string =>
    `defineOperation({ name: '${name}', input: ${SCHEMA}, ${more} run: ${run} })`;
  await writeFile(
    path.join(folder, 'own.mjs'),
    `import { defineOperation, getBaggage, retryAfter } from 'throughline/worker';
export const again = ${operation('again', '', "({ job }) => job.attempt === 1 ? retryAfter(1200, 'not yet') : 1")};
export const alone = ${operation('alone', "concurrency: { key: 'tenant', limit: 1 },", SLOW)};
export const slow = ${operation('slow', '', SLOW)};
export const hosted = ${operation('hosted', 'concurrency: 1,', SLOW)};
export const linked = ${operation('linked', "tracing: { late: 'linked' },", "() => getBaggage('user')")};
export const continuous = ${operation('continuous', '', '() => 1')};
`,
  );
  return folder;
}

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ operationsFolder: await operationsFolder() });
});

const named = (spans: readonly SpanRecord[], name: string): SpanRecord | undefined =>
  spans.find((span) => span.name === name);
const processes = (spans: readonly SpanRecord[]): SpanRecord[] =>
  spans.filter(({ kind }) => kind === 'CONSUMER');

async function ended(id: string): Promise<Job> {
  return await until('the job to end', async () => {
    const response = await stack.call(`/v1/jobs/${id}`);
    const job = response.status === 200 ? Job.parse(await response.json()) : undefined;
    return job?.finishedAt !== undefined && job;
  });
}

/** Publishes a job that was accepted, and to wait, at these times. */
async function publish(operation: string, id: string, traceparent: string, delayMs: number): Promise<Job> {
  const nats = await connect({ servers: stack.nats.url });
  onTestFinished(() => nats.close());
  const set = headers();
  set.set('traceparent', traceparent);
  set.set('baggage', 'user=ann');
  set.set('ce-time', new Date(Date.now() - delayMs).toISOString());
  set.set('throughline-due-at', new Date().toISOString());
  await jetstream(nats).publish(`jobs.normal.p2.demo.${id}.${operation}`, '1', { headers: set });
  return await ended(id);
}

describe('a wait of a second or more is a span beside the attempt', () => {
  it('until the time of a delayed job', async () => {
    const response = await stack.submit({ operation: 'continuous', input: 1, delay: '1500ms' });
    const job = await ended(Job.parse(await response.json()).id);
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (all) => processes(all).length === 1 && named(all, 'wait until due') !== undefined,
      60_000,
    );
    const wait = named(spans, 'wait until due');
    expect(wait?.parentSpanId).toBe(processes(spans)[0]?.parentSpanId);
    expect(wait?.durationMs).toBeGreaterThanOrEqual(1_000);
    expect((wait?.startMs ?? 0) + (wait?.durationMs ?? 0)).toBeLessThanOrEqual(
      processes(spans)[0]?.startMs ?? 0,
    );
  });

  it('until the next attempt', async () => {
    const job = await stack.run('again', 1);
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (all) => processes(all).length === 2 && named(all, 'wait for retry') !== undefined,
      60_000,
    );
    const [first] = processes(spans);
    const wait = named(spans, 'wait for retry');
    expect(wait?.parentSpanId).toBe(first?.parentSpanId);
    expect(wait?.durationMs).toBeCloseTo(1_200, -1);
    expect(spans.filter(({ name }) => name.startsWith('wait'))).toEqual([wait]);
  });
});

describe('an attempt whose host died', () => {
  it('was no wait in the queue: the trace does not say that the job waited while it ran', async () => {
    const own = await withTestStack({
      operationsFolder: await operationsFolder(),
      worker: { WORKER_ACK_WAIT_MS: '1500' },
    });
    const job = Job.parse(await (await own.submit({ operation: 'slow', input: 1 })).json());
    await own.logged(({ msg }) => msg === 'job started');
    await own.worker.kill('SIGKILL');
    await own.addWorker();
    const spans = await own.collector.waitForSpans(
      job.traceId,
      (all) => processes(all).some(({ attributes }) => attributes[ATTR.jobOutcome] === 'succeeded'),
      60_000,
    );
    expect(processes(spans).map(({ attributes }) => attributes[ATTR.jobAttempt])).toEqual([2]);
    expect(spans.filter(({ name }) => name.startsWith('wait'))).toEqual([]);
  });
});

describe('a wait for a turn of a second or more is a span', () => {
  /** Submits jobs one right after the other. @returns the spans of each, once it has ended */
  async function spansOf(count: number, body: Record<string, unknown>): Promise<SpanRecord[][]> {
    const ids: string[] = [];
    for (let sent = 0; sent < count; sent++)
      ids.push(Job.parse(await (await stack.submit({ input: sent, ...body })).json()).id);
    const jobs = await Promise.all(ids.map(ended));
    const whole = (all: readonly SpanRecord[]): boolean =>
      processes(all).some(({ attributes }) => attributes['throughline.job.outcome'] === 'succeeded');
    return await Promise.all(jobs.map(({ traceId }) => stack.collector.waitForSpans(traceId, whole, 60_000)));
  }
  const turns = (spans: readonly SpanRecord[]): SpanRecord[] =>
    spans.filter(({ name }) => name === 'wait for turn');

  it.each([
    ['alone', 'concurrency'],
    ['hosted', 'host'],
  ])('below the attempt that waits on its host: %s, by %s', async (operation, by) => {
    const [first = [], second = []] = await spansOf(2, { operation });
    expect(turns(first)).toEqual([]);
    const [turn] = turns(second);
    const [attempt] = processes(second);
    expect(turn).toMatchObject({ parentSpanId: attempt?.spanId, attributes: { 'throughline.limit.by': by } });
    expect(turn?.startMs).toBeGreaterThanOrEqual(attempt?.startMs ?? Number.NaN);
    expect(turn?.durationMs).toBeGreaterThanOrEqual(1_000);
  });

  it('beside the attempt of a job that waited in the lane of its ordering key', async () => {
    const [first = [], second = []] = await spansOf(2, { operation: 'slow', orderingKey: 'one' });
    expect(turns(first)).toEqual([]);
    const [turn] = turns(second);
    const [attempt] = processes(second);
    expect(turn).toMatchObject({
      parentSpanId: attempt?.parentSpanId,
      attributes: { 'throughline.limit.by': 'lane' },
    });
    expect(named(second, 'wait in queue')).toBeUndefined();
  });

  it('between the two deliveries of a job that was handed back', async () => {
    // One runs, and two wait on the host.
    const last = (await spansOf(4, { operation: 'alone' }))[3] ?? [];
    const [handedBack, attempt] = processes(last);
    expect(handedBack?.attributes).toMatchObject({
      'throughline.job.outcome': 'waiting',
      'throughline.limit.by': 'concurrency',
    });
    const [turn] = turns(last);
    expect(turn?.parentSpanId).toBe(attempt?.parentSpanId);
    expect(turn?.attributes).not.toHaveProperty('throughline.limit.by');
    const { startedAt } = await ended(String(attempt?.attributes[ATTR.jobId]));
    const endMs = (turn?.startMs ?? 0) + (turn?.durationMs ?? 0);
    // It ends when the host has the job again, which may have to wait there once more.
    expect(endMs).toBeGreaterThanOrEqual(Math.floor(attempt?.startMs ?? Number.NaN));
    expect(endMs).toBeLessThanOrEqual(Date.parse(startedAt ?? ''));
  });
});

describe('a job that was delayed for more than an hour', () => {
  const traceparent = (digit: string): string => `00-${digit.repeat(32)}-00f067aa0ba902b7-01`;

  it('has a trace of its own if its operation wants that, with a link to the caller and its baggage', async () => {
    const job = await publish('linked', 'late-linked', traceparent('1'), 2 * HOUR_MS);
    expect(job).toMatchObject({ state: 'succeeded', result: 'ann' });
    expect(job.traceId).not.toBe('1'.repeat(32));
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (all) => processes(all).length === 1,
      60_000,
    );
    const [process] = processes(spans);
    expect(process?.parentSpanId).toBeUndefined();
    expect(process?.links).toMatchObject([{ traceId: '1'.repeat(32), spanId: '00f067aa0ba902b7' }]);
  });

  it('stays unrecorded if its caller is', async () => {
    const caller = `00-${'2'.repeat(32)}-00f067aa0ba902b7-00`;
    const job = await publish('linked', 'late-unsampled', caller, 2 * HOUR_MS);
    expect(job).toMatchObject({ state: 'succeeded', traceId: '2'.repeat(32) });
  });

  it.each([
    ['continuous', 'its operation wants nothing else', 2 * HOUR_MS, '3'],
    ['linked', 'it was delayed for less', HOUR_MS / 2, '4'],
  ])('stays in the trace of its caller: %s, %s', async (operation, _, delayMs, digit) => {
    const job = await publish(operation, `late-${digit}`, traceparent(digit), delayMs);
    expect(job).toMatchObject({ state: 'succeeded', traceId: digit.repeat(32) });
  });
});

describe('a worker whose clock is ten minutes off', () => {
  it.each([
    ['ahead', 600_000],
    ['behind', -600_000],
  ])('%s names it as skew, and shows neither a wait that was none nor a negative time', async (_, skewMs) => {
    const preload = path.resolve('test/fixtures/skewed-clock.mjs');
    const skewed = await startTestStack({
      worker: { NODE_OPTIONS: `--import ${preload}`, SKEW_MS: String(skewMs) },
    });
    const job = await skewed.run('echo', 1);
    const spans = await skewed.collector.waitForSpans(
      job.traceId,
      (all) => processes(all).length === 1,
      60_000,
    );
    const skew = Number(processes(spans)[0]?.attributes['throughline.clock.skew_ms']);
    expect(Math.abs(skew - skewMs)).toBeLessThan(5_000);
    expect(spans.filter(({ name, durationMs }) => name.startsWith('wait') || durationMs < 0)).toEqual([]);
  });
});
