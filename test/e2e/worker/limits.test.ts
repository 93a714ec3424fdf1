import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WORKER_ATTR } from '../../../shared/trace/semantics.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import { metricOf } from '../../support/http/metrics.ts';
import {
  connectTo,
  effectsIn,
  endsOf,
  jobEnded,
  readJob,
  submitJob,
  untilQueueEmpty,
} from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

const SKEWED_CLOCK = fileURLToPath(new URL('../../fixtures/skewed-clock.mjs', import.meta.url));
const TEN_MINUTES_MS = 600_000;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'throughline-limits-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('a worker whose clock is ten minutes off the broker’s (T2)', () => {
  it.each([
    ['ahead', TEN_MINUTES_MS],
    ['behind', -TEN_MINUTES_MS],
  ])('%s counts attempts right, reports no negative time, and warns', async (direction, skewMs) => {
    const stack = await withTestStack({
      operationsFolder: 'test/fixtures/operations',
      worker: { NODE_OPTIONS: `--import ${SKEWED_CLOCK}`, SKEW_MS: String(skewMs) },
    });
    const warning = `the clock of this host is 600 s ${direction}`;
    const ready = await fetch(`${stack.worker.healthUrl}/readyz`);
    expect(await ready.json()).toMatchObject({
      status: 'ready',
      warnings: [expect.stringContaining(warning)],
    });
    const [line] = await stack.logged(({ msg }) => msg === 'clocks differ');
    expect(line).toMatchObject({
      level: 'warn',
      reason: expect.stringContaining(warning),
    });
    const nats = await connectTo(stack);
    const { id } = await submitJob(stack, 'test.mode', { mode: 'fail-until', until: 3 });
    const job = await jobEnded(stack, id);
    expect(job).toMatchObject({ state: 'succeeded', attempt: 3 });
    const off = Date.parse(job.finishedAt ?? '') - Date.now();
    expect(Math.abs(off - skewMs)).toBeLessThan(30_000);
    expect(await endsOf(nats, id)).toEqual(['succeeded']);
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (all) => all.filter((span) => shortName(span) === 'process test.mode').length === 3,
      60_000,
    );
    for (const { name, durationMs, attributes } of spans) {
      expect([name, durationMs]).toEqual([name, expect.toSatisfy((ms: number) => ms >= 0)]);
      expect(attributes[WORKER_ATTR.queueTimeMs] ?? 0).toBeGreaterThanOrEqual(0);
    }
  });
});

describe('a worker whose clock is set back by ten minutes (T2)', () => {
  it('starts jobs with a limit of rate again as soon as what was written before has expired', async () => {
    const stack = await withTestStack({
      operationsFolder: 'test/fixtures/limited/before',
      worker: {
        NODE_OPTIONS: `--import ${SKEWED_CLOCK}`,
        SKEW_MS: String(TEN_MINUTES_MS),
        WORKER_ACK_WAIT_MS: '1000',
      },
      tracing: false,
    });
    const nats = await connectTo(stack);
    const ids = Array.from({ length: 40 }, (_, n) => `back-${n}`);
    const body = JSON.stringify({ customer: 'one' });
    for (const id of ids) await jetstream(nats).publish(`jobs.normal.p2.demo.${id}.limited.rate`, body);
    await until('the first jobs to end', async () => (await jobEnded(stack, 'back-0')).state === 'succeeded');
    await stack.worker.kill('SIGUSR2');
    const isRight = (time: unknown): boolean => Date.parse(String(time)) < Date.now() + TEN_MINUTES_MS / 2;
    await until('a log line with the right time', async () => {
      await stack.run('echo', 1);
      return stack.logs().some(({ time }) => isRight(time));
    });
    const manager = await jetstreamManager(nats);
    // So it is when the entry has expired: a period, an ack wait and a minute after its last write.
    await manager.streams.purge('KV_LIMITS');
    await untilQueueEmpty(nats);
    for (const id of ids) expect(await endsOf(nats, id)).toEqual(['succeeded']);
  });
});

describe('a worker that has too little of', () => {
  it('memory ends with an exit code and a line that says so, and another worker ends its job (W13)', async () => {
    const stack = await withTestStack({
      operationsFolder: 'test/fixtures/operations',
      worker: { NODE_OPTIONS: '--max-old-space-size=96', WORKER_ACK_WAIT_MS: '1000' },
      tracing: false,
    });
    const effects = path.join(directory, 'memory');
    const job = await submitJob(stack, 'test.hoard', { effects });
    expect(await stack.worker.exited).not.toBe(0);
    expect(stack.lines.join('\n')).toContain('heap out of memory');
    await stack.addWorker();
    expect(await jobEnded(stack, job.id)).toMatchObject({ state: 'succeeded', attempt: 2 });
    expect(await effectsIn(effects)).toEqual([`${job.id} 1`, `${job.id} 2`]);
  });

  it('file descriptors loses no job: what it cannot do fails or waits (W13)', async () => {
    const stack = await withTestStack({
      operationsFolder: 'test/fixtures/operations',
      worker: { WORKER_ACK_WAIT_MS: '1000' },
      tracing: false,
    });
    const nats = await connectTo(stack);
    await promisify(execFile)('prlimit', ['--pid', String(stack.worker.pid), '--nofile=8']);
    const ids = Array.from({ length: 50 }, (_, n) => `few-${n}`);
    for (const id of ids) await jetstream(nats).publish(`jobs.normal.p2.demo.${id}.echo`, '1');
    await stack.nats.restart();
    await until('the worker to have lost NATS', () =>
      stack.logs().some(({ status }) => status === 'disconnect'),
    );
    // It cannot open a connection. A supervisor that reads /readyz starts another one.
    await stack.addWorker();
    const again = await connectTo(stack);
    await untilQueueEmpty(again);
    for (const id of ids) expect(await endsOf(again, id)).toEqual(['succeeded']);
  });
});

describe('a job that nobody can run', () => {
  it('waits without spending an attempt, holds up no other job, and can be cancelled (W11)', async () => {
    const stack = await withTestStack({ tracing: false });
    const nats = await connectTo(stack);
    await jetstream(nats).publish('jobs.normal.p2.demo.newer.test.unheard-of', '{"v":2}');
    await until('the job to be handed back twice', async () => (await handedBack(stack)) >= 2);
    expect(await stack.logged(({ msg }) => String(msg).includes('does not have the operation'))).toHaveLength(
      1,
    );
    expect(await readJob(stack, 'newer')).toMatchObject({ state: 'queued', attempt: 0, served: false });
    expect((await stack.run('echo', 'alive')).state).toBe('succeeded');
    await stack.call('/v1/jobs/newer', { method: 'DELETE', headers: { prefer: 'wait=30' } });
    expect(await jobEnded(stack, 'newer')).toMatchObject({ state: 'cancelled', attempt: 1 });
    await untilQueueEmpty(nats);
  });
});

/** How often the worker of the stack handed a job back, since it does not have its operation. */
function handedBack(stack: TestStack): Promise<number> {
  const { healthUrl } = stack.worker;
  return metricOf(healthUrl, 'throughline_jobs_settled_total', 'conclusion="operation-missing"');
}
