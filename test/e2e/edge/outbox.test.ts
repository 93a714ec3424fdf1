import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { WorkerProcess } from '../../../dev/worker/start.ts';
import type { BridgeStatus } from '../../../shared/api/answers/health.ts';
import { JobHistory } from '../../../shared/api/answers/job-history.ts';
import { OutboxList } from '../../../shared/api/answers/outbox.ts';
import { Job } from '../../../shared/job/job.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { printed } from '../../support/cli/process.ts';
import { bodyOf, bridgesOf, resultsOf } from '../../support/http/answers.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';

const echo = (input: unknown) => ({ operation: 'echo', input });

async function accepted(stack: TestStack, body: unknown, headers: Record<string, string> = {}): Promise<Job> {
  const response = await stack.submit(body, headers);
  const job = await bodyOf(Job, response);
  expect([response.status, job]).toMatchObject([202, { state: 'queued' }]);
  return job;
}

async function read(stack: TestStack, id: string): Promise<Job> {
  return await bodyOf(Job, stack.call(`/v1/jobs/${id}`));
}

function ended(stack: TestStack, { id }: Job): Promise<Job> {
  return until(`job ${id} to end`, async () => {
    const job = await read(stack, id);
    return job.finishedAt !== undefined && job;
  });
}

async function outboxOf(stack: TestStack): Promise<BridgeStatus['outbox']> {
  const [bridge] = await bridgesOf(stack);
  if (bridge === undefined) throw new Error('there is no bridge');
  return bridge.outbox;
}

/** Takes a job's message out of the queue as a broker does that has lost a block of its storage. */
async function forget(stack: TestStack, jobId: string): Promise<void> {
  const connection = await connect({ servers: stack.nats.url });
  try {
    const { purged } = await (await jetstreamManager(connection)).streams.purge('JOBS', {
      filter: `jobs.*.*.demo.${jobId}.>`,
    });
    expect(purged).toBe(1);
  } finally {
    await connection.close();
  }
}

/** Kills NATS, after the bridge has connected to it and read the operations. */
async function cutOff(stack: TestStack): Promise<void> {
  await stack.run('echo', 'before');
  await stack.nats.kill('SIGKILL');
}

/** Starts NATS if a test left it dead, and waits until a job runs and the outbox is empty. */
async function restore(stack: TestStack): Promise<void> {
  if ((await stack.call('/readyz')).status === 503) await stack.nats.restart();
  await until('the bridge and the worker to be back', async () => {
    const response = await stack.submit(echo('after'), { prefer: 'wait=5' });
    return response.status === 200 && (await outboxOf(stack)).pending === 0;
  });
}

describe('while NATS is away', () => {
  it('a bridge that has nothing to send notices that NATS is back', async () => {
    const stack = await withTestStack();
    await stack.nats.kill('SIGKILL');
    await until('/readyz to notice', async () => (await stack.call('/readyz')).status === 503);
    // It has never read the operations, so it cannot check a job, and does not accept one.
    expect(await problemOf(await stack.submit(echo(1)))).toMatchObject({ code: 'broker-unavailable' });
    await stack.nats.restart();
    await until('/readyz to notice', async () => (await stack.call('/readyz')).status === 200);
    await accepted(stack, echo(2));
  });
});

describe('while NATS is away', () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack({ storageDir: await scratchFolder() });
  });
  afterEach(() => restore(stack));

  it('jobs are accepted into the outbox, and run in their order after its return', async () => {
    await cutOff(stack);
    const jobs: Job[] = [];
    for (let i = 0; i < 20; i++) jobs.push(await accepted(stack, echo(i)));
    expect(new Set(jobs.map(({ durability }) => durability))).toEqual(new Set(['outbox']));
    expect(await read(stack, jobs[0]?.id ?? '')).toMatchObject({ state: 'queued', durability: 'outbox' });

    const ready = await stack.call('/readyz');
    expect(ready.status).toBe(503);
    expect(await outboxOf(stack)).toMatchObject({ pending: 20, rejected: 0 });
    const metrics = await (await stack.call('/metrics')).text();
    expect(metrics).toContain('throughline_bridge_outbox_pending_jobs{bridge="bridge-global-0"} 20');

    await stack.nats.restart();
    const results = await Promise.all(jobs.map((job) => ended(stack, job)));
    expect(results.map(({ result }) => result)).toEqual(jobs.map((_, i) => i));
    expect(new Set(results.map(({ durability }) => durability))).toEqual(new Set(['stream']));
    const ids = jobs.map(({ id }) => id);
    const published = await stack.logged(
      ({ msg, outbox_ms, job_id }) =>
        msg === 'job published' && outbox_ms !== undefined && ids.includes(String(job_id)),
      ids.length,
    );
    expect(published.map(({ job_id }) => job_id)).toEqual(ids);
    await until('the outbox to be empty', async () => (await outboxOf(stack)).pending === 0);
  });

  it('a job keeps the trace of its caller, and the wait is a span of it', async () => {
    await cutOff(stack);
    const traceId = `${'c'.repeat(31)}1`;
    const job = await accepted(stack, echo('late'), { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
    expect(job.traceId).toBe(traceId);
    await stack.nats.restart();
    await ended(stack, job);
    const spans = await stack.collector.waitForSpans(
      traceId,
      (all) =>
        ['process echo', 'wait in outbox'].every((name) => all.some((span) => shortName(span) === name)),
      60_000,
    );
    const named = (name: string) => spans.find((span) => shortName(span) === name);
    const send = named('send echo');
    expect(send?.attributes['throughline.job.durability']).toBe('outbox');
    expect(named('process echo')?.parentSpanId).toBe(send?.spanId);
    expect(named('wait in outbox')?.parentSpanId).toBe(send?.spanId);
    const waited = named('process echo')?.attributes['throughline.job.outbox_time_ms'];
    expect(waited).toEqual(named('wait in outbox')?.attributes['throughline.job.outbox_time_ms']);
    expect(Number(waited)).toBeGreaterThan(0);
  });

  it('a caller that waits gets the result when NATS comes back in time', async () => {
    await cutOff(stack);
    const waiting = stack.run('echo', 'patience');
    await until('the job to be pending', async () => (await outboxOf(stack)).pending === 1);
    await stack.nats.restart();
    expect(await waiting).toMatchObject({ state: 'succeeded', result: 'patience' });
  });

  it('batches, delays and idempotency keys work as with NATS', async () => {
    await cutOff(stack);
    const batch = await stack.call('/v1/jobs/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jobs: [echo(1), { operation: 'nobody.has', input: 1 }, echo(2)] }),
    });
    const results = await resultsOf(batch);
    expect(results.map(({ status }) => status)).toEqual([202, 503, 202]);

    const delayed = await accepted(stack, { ...echo('soon'), delay: '1s' });
    expect(delayed).toMatchObject({ durability: 'outbox', dueAt: expect.any(String) });

    const key = { 'idempotency-key': 'once' };
    const first = await accepted(stack, echo('once'), key);
    const again = await stack.submit(echo('once'), key);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect((await bodyOf(Job, again)).id).toBe(first.id);
    const other = await stack.submit(echo('another'), key);
    expect([other.status, (await problemOf(other)).code]).toEqual([422, 'idempotency-key-reused']);

    await stack.nats.restart();
    const jobs = results.flatMap((result) => ('job' in result ? [result.job] : []));
    const ends = await Promise.all([...jobs, delayed, first].map((job) => ended(stack, job)));
    expect(ends.map(({ result }) => result)).toEqual([1, 2, 'soon', 'once']);
    const replayed = await stack.submit(echo('once'), key);
    expect(await replayed.json()).toMatchObject({ id: first.id, state: 'succeeded', result: 'once' });
  });

  it('an input that does not fit, and an operation that nobody had, are not accepted', async () => {
    await cutOff(stack);
    const unfit = await stack.submit({ operation: 'http.request', input: { url: 7 } });
    expect([unfit.status, (await problemOf(unfit)).code]).toEqual([422, 'input-invalid']);
    const unknown = await stack.submit({ operation: 'nobody.has', input: 1 });
    expect([unknown.status, (await problemOf(unknown)).code]).toEqual([503, 'broker-unavailable']);
    expect((await outboxOf(stack)).pending).toBe(0);
  });

  it('a job that is cancelled in the outbox never runs, and its end is recorded later', async () => {
    await cutOff(stack);
    const job = await accepted(stack, echo('never'));
    const cancelled = await stack.call(`/v1/jobs/${job.id}`, { method: 'DELETE' });
    expect([cancelled.status, await cancelled.json()]).toMatchObject([200, { state: 'cancelled' }]);
    expect(await read(stack, job.id)).toMatchObject({ state: 'cancelled', durability: 'outbox' });
    await stack.nats.restart();
    await until('the outbox to be empty', async () => (await outboxOf(stack)).pending === 0);
    expect(await read(stack, job.id)).toMatchObject({
      state: 'cancelled',
      durability: 'stream',
      attempts: [],
    });
    const { events } = await bodyOf(JobHistory, stack.call(`/v1/jobs/${job.id}/events`));
    expect(events.map(({ kind }) => kind)).toEqual(['cancelled']);
    expect(stack.logs().some(({ msg, job_id }) => msg === 'job started' && job_id === job.id)).toBe(false);
  });

  it('a caller that watches a job in the outbox gets its events from its start to its end', async () => {
    await cutOff(stack);
    const job = await accepted(stack, echo('seen'));
    const stream = await stack.call(`/v1/jobs/${job.id}/events`, {
      headers: { accept: 'text/event-stream' },
    });
    expect(stream.status).toBe(200);
    await stack.nats.restart();
    const text = await stream.text();
    expect(text.match(/^event: .*$/gm)).toEqual(['event: started', 'event: succeeded']);
  });

  it('E2: the outbox outlives the edge: the next one sends its jobs', async () => {
    await cutOff(stack);
    const jobs = await Promise.all([1, 2, 3].map((n) => accepted(stack, echo(n))));
    await stack.stopEdge();
    await stack.nats.restart();
    await stack.restartEdge();
    const ends = await Promise.all(jobs.map((job) => ended(stack, job)));
    expect(ends.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });
});

describe('the outbox', () => {
  it('refuses a job with 503 and Retry-After when it is full', async () => {
    const stack = await withTestStack({ edge: { OUTBOX_MAX_ROWS: '2', OUTBOX_TENANT_PERCENT: '100' } });
    await cutOff(stack);
    await accepted(stack, echo(1));
    await accepted(stack, echo(2));
    const full = await stack.submit(echo(3));
    expect([full.status, (await problemOf(full)).code]).toEqual([503, 'outbox-full']);
    expect(full.headers.get('retry-after')).toMatch(/^[0-9]+$/);
    expect((await outboxOf(stack)).pending).toBe(2);
  });

  it('rejects a job that NATS will never take, sends the others, and sends it again when an operator asks for that', async () => {
    const stack = await withTestStack({ natsConfig: 'max_payload: 60000' });
    await cutOff(stack);
    const large = await accepted(stack, echo('x'.repeat(100_000)));
    const small = await accepted(stack, echo('small'));
    await stack.nats.restart();
    expect((await ended(stack, small)).state).toBe('succeeded');
    const listed = await until('the job to be rejected', async () => {
      const { jobs } = await bodyOf(OutboxList, stack.call('/v1/outbox'));
      return jobs[0]?.state === 'rejected' && jobs;
    });
    expect(listed).toMatchObject([
      { jobId: large.id, operation: 'echo', reason: expect.stringContaining('size') },
    ]);
    expect(await read(stack, large.id)).toMatchObject({
      state: 'queued',
      error: { code: 'broker-rejected' },
    });
    expect(await outboxOf(stack)).toMatchObject({ pending: 0, rejected: 1 });
    const rejected = ({ msg, job_id, trace_id }: Record<string, unknown>) =>
      msg === 'job rejected: NATS refuses it' && job_id === large.id && trace_id === large.traceId;
    await stack.logged(rejected);

    expect(await printed(stack, ['outbox', 'list'])).toMatch(
      new RegExp(`${listed[0]?.id}  echo  rejected .*payload-too-large`),
    );
    expect(
      JSON.parse(await printed(stack, ['outbox', 'retry', String(listed[0]?.id), '--json'])),
    ).toMatchObject({
      durability: 'outbox',
    });
    await stack.logged(rejected, 2);
    expect((await stack.call(`/v1/outbox/${small.id}/retry`, { method: 'POST' })).status).toBe(404);
  });
});

describe('ACK_MODE=outbox', () => {
  it('accepts before NATS has the job, and forwards it immediately', async () => {
    const stack = await withTestStack({ edge: { ACK_MODE: 'outbox' } });
    expect(await stack.run('echo', 'first')).toMatchObject({ state: 'succeeded', result: 'first' });
    const jobs = await Promise.all([1, 2, 3].map((n) => accepted(stack, echo(n))));
    expect(jobs.map(({ durability }) => durability)).toEqual(['outbox', 'outbox', 'outbox']);
    const ends = await Promise.all(jobs.map((job) => ended(stack, job)));
    expect(ends.map(({ result }) => result)).toEqual([1, 2, 3]);
    await until('the outbox to be empty', async () => (await outboxOf(stack)).pending === 0);
  });
});

describe('OUTBOX_KEEP=ended', () => {
  let stack: TestStack;
  let worker: WorkerProcess;
  beforeAll(async () => {
    stack = await startTestStack({
      edge: { OUTBOX_KEEP: 'ended' },
      operationsFolder: 'test/fixtures/operations',
    });
    ({ worker } = stack);
  });

  it('a job stays in the outbox until its end was seen', async () => {
    const job = await accepted(stack, { operation: 'test.mode', input: { mode: 'hang' } });
    await until('the job to run', async () => (await read(stack, job.id)).state === 'running');
    expect(await outboxOf(stack)).toMatchObject({ pending: 0, published: 1 });
    await stack.call(`/v1/jobs/${job.id}`, { method: 'DELETE' });
    await until('the end to be seen', async () => (await outboxOf(stack)).published === 0);
  });

  it('an idempotency key means the same job while NATS is away, although NATS has that job', async () => {
    await stack.run('echo', 'before');
    await worker.stop();
    const key = { 'idempotency-key': 'settled' };
    const job = await accepted(stack, echo('once'), key);
    await stack.nats.kill('SIGKILL');
    const again = await stack.submit(echo('once'), key);
    expect([again.headers.get('idempotency-replayed'), await again.json()]).toMatchObject([
      'true',
      { id: job.id },
    ]);
    expect((await stack.submit(echo('another'), key)).status).toBe(422);
    await stack.nats.restart();
    worker = await stack.addWorker();
    expect(await ended(stack, job)).toMatchObject({ result: 'once', attempt: 1 });
  });

  it('a job that NATS acknowledged and forgot is published again, and runs once', async () => {
    await stack.run('echo', 'before');
    await worker.stop();
    const job = await accepted(stack, echo('forgotten'));
    expect(job.durability).toBe('stream');
    await forget(stack, job.id);
    // The server remembers the ids of the messages that it has.
    await stack.nats.restart();
    const [loss] = await stack.logged(({ msg }) => String(msg).startsWith('NATS has forgotten'));
    expect(loss).toMatchObject({ job_id: job.id, trace_id: job.traceId });
    worker = await stack.addWorker();
    expect(await ended(stack, job)).toMatchObject({ state: 'succeeded', result: 'forgotten', attempt: 1 });
    await until('the end to be seen', async () => (await outboxOf(stack)).published === 0);
  });
});
