import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { isTerminalEvent, type JobEvent } from '../../../shared/job/event.ts';
import { Job } from '../../../shared/job/job.ts';
import { isTerminal } from '../../../shared/job/job-state.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import { readJobEvent } from '../../../shared/wire/event-message.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { run } from '../../support/cli/process.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';

const OPERATIONS = { operationsFolder: 'test/fixtures/operations' };
const WORKER = { WORKER_STOP_TIMEOUT_MS: '200' };
/** Longer than it takes to see the state of a job and to cancel it, also on a slow machine. */
const RETRY_MS = 3_000;
const WAIT = { prefer: 'wait=20' };

let stack: TestStack;
let directory: string;
beforeAll(async () => {
  directory = await scratchFolder();
  stack = await startTestStack({ ...OPERATIONS, worker: WORKER });
});

async function submit(input: Record<string, unknown>, on = stack): Promise<Job> {
  return Job.parse(await (await on.submit({ operation: 'test.mode', input })).json());
}

const Body = z.record(z.string(), z.unknown());

async function cancel(job: Pick<Job, 'id'>, headers: Record<string, string> = {}, on = stack) {
  const response = await on.call(`/v1/jobs/${job.id}`, { method: 'DELETE', headers });
  const body = await bodyOf(Body, response);
  return { status: response.status, body, trace: response.headers.get('traceresponse') };
}

async function read(job: Job, on = stack): Promise<Job> {
  return Job.parse(await (await on.call(`/v1/jobs/${job.id}`)).json());
}

function inState(state: Job['state'], job: Job, on = stack): Promise<Job> {
  return until(`job ${job.id} to be ${state}`, async () => {
    const now = await read(job, on);
    return now.state === state && now;
  });
}

function effectsFile(name: string): string {
  return path.join(directory, name);
}

async function effectsIn(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
}

/** What the streams hold for a job: its events in order, its queued messages, its dead letters. */
async function streamsOf({ id }: Pick<Job, 'id'>, on = stack) {
  const nats = await connect({ servers: on.nats.url });
  try {
    const manager = await jetstreamManager(nats);
    const { state } = await manager.streams.info('EVENTS', { subjects_filter: `events.demo.${id}` });
    const stored = Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
    const events: { event: JobEvent; storedMs: number }[] = [];
    if (stored > 0) {
      const consumer = await jetstream(nats).consumers.get('EVENTS', {
        filter_subjects: `events.demo.${id}`,
      });
      for await (const message of await consumer.fetch({ max_messages: stored, expires: 5_000 })) {
        const event = readJobEvent(message.data);
        if (event === undefined) throw new Error('an event cannot be read');
        events.push({ event, storedMs: message.time.getTime() });
      }
    }
    const count = async (stream: string, subject: string): Promise<number> => {
      const info = await manager.streams.info(stream, { subjects_filter: subject });
      return Object.keys(info.state.subjects ?? {}).length;
    };
    return {
      events,
      kinds: events.map(({ event }) => event.kind),
      queued: await count('JOBS', `jobs.*.*.demo.${id}.>`),
      dead: await count('DEAD', `dead.demo.${id}.>`),
    };
  } finally {
    await nats.close();
  }
}

describe('a queued job', () => {
  let own: TestStack;
  beforeAll(async () => {
    own = await startTestStack({
      ...OPERATIONS,
      worker: { ...WORKER, WORKER_CONCURRENCY: '1' },
      edge: { LOG_LEVEL: 'debug' },
    });
  });

  it('that is cancelled never runs, even when a worker becomes free', async () => {
    const effects = effectsFile('queued');
    const front = await submit({ mode: 'hang' }, own);
    await inState('running', front, own);
    const job = await submit({ mode: 'done', effects }, own);
    const { status, body } = await cancel(job, {}, own);
    expect(status).toBe(200);
    expect(Job.parse(body)).toMatchObject({
      id: job.id,
      operation: 'test.mode',
      state: 'cancelled',
      attempt: 0,
      acceptedAt: job.acceptedAt,
      finishedAt: expect.any(String),
      traceId: job.traceId,
      error: { code: 'job-cancelled' },
    });
    // The answer does not wait for the removal of the message.
    await until('the message to be gone', async () => (await streamsOf(job, own)).queued === 0);
    expect(await streamsOf(job, own)).toMatchObject({ kinds: ['cancelled'], dead: 0 });
    // The worker becomes free, and takes the next job in the queue.
    expect((await cancel(front, WAIT, own)).status).toBe(200);
    expect((await own.run('test.mode', { mode: 'done' })).state).toBe('succeeded');
    expect(await effectsIn(effects)).toEqual([]);
    expect(await read(job, own)).toMatchObject({ state: 'cancelled', attempt: 0 });
  });

  it('that is cancelled is what a caller gets who waits for it', async () => {
    const front = await submit({ mode: 'hang' }, own);
    await inState('running', front, own);
    const published = () => own.logs().filter(({ msg }) => msg === 'job published');
    const before = published().length;
    const waiting = own.run('test.mode', { mode: 'done' });
    const second = await until('the second job', () => published()[before]);
    expect((await cancel({ id: String(second.job_id) }, {}, own)).status).toBe(200);
    expect(await waiting).toMatchObject({ state: 'cancelled' });
    await cancel(front, WAIT, own);
  });

  it('that is cancelled, but stays in the queue, is not run by a worker that starts later', async () => {
    await own.worker.stop();
    const effects = effectsFile('stays');
    const job = await submit({ mode: 'done', effects }, own);
    const nats = await connect({ servers: own.nats.url });
    onTestFinished(() => nats.close());
    const manager = await jetstreamManager(nats);
    const message = await manager.streams.getMessage('JOBS', { last_by_subj: `jobs.*.*.demo.${job.id}.>` });
    expect((await cancel(job, {}, own)).status).toBe(200);
    // As if the edge could not delete it.
    nats.publish(`jobs.normal.p2.demo.${job.id}.test.mode`, message?.data);
    await nats.flush();
    await own.addWorker({ WORKER_NAME: 'late' });
    await until('the queue to be empty', async () => (await streamsOf(job, own)).queued === 0);
    expect(await effectsIn(effects)).toEqual([]);
    expect((await streamsOf(job, own)).kinds).toEqual(['cancelled']);
  });
});

describe('a job that no worker has', () => {
  it('ends in its own trace, whoever cancels it', async () => {
    await stack.worker.stop();
    const nats = await connect({ servers: stack.nats.url });
    onTestFinished(() => nats.close());
    const { streams } = await jetstreamManager(nats);
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const sent = { tracestate: 'of=job', baggage: 'of=job' };
    const other = { traceparent: `00-${'c'.repeat(32)}-00f067aa0ba902b7-01`, baggage: 'of=other' };
    for (const fields of [{}, { delay: '1h' }]) {
      const submitted = { operation: 'echo', input: 1, ...fields };
      const job = await bodyOf(Job, stack.submit(submitted, { ...sent, traceparent }));
      expect((await cancel(job, other)).status).toBe(200);
      const end = await streams.getMessage('EVENTS', { last_by_subj: `events.demo.${job.id}` });
      expect(end?.header.get('traceparent').split('-')[1]).toBe(job.traceId);
      expect(end?.header.get('tracestate')).toBe(sent.tracestate);
      expect(end?.header.get('baggage')).toBe(sent.baggage);
    }
    await stack.addWorker(WORKER);
  });
});

describe('a job that waits for its next attempt', () => {
  it('never runs again', async () => {
    const effects = effectsFile('retrying');
    const job = await submit({ mode: 'retry-later', ms: RETRY_MS, effects });
    await inState('retrying', job);
    const { status, body } = await cancel(job);
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: 'cancelled', attempt: 1, traceId: job.traceId });
    // A job that was delayed as long, but later, has run twice by now.
    const other = await submit({ mode: 'retry-later', ms: RETRY_MS, effects: effectsFile('retrying-other') });
    await inState('succeeded', other);
    expect(await effectsIn(effects)).toEqual([`${job.id} 1`]);
    await until('the message to be gone', async () => (await streamsOf(job)).queued === 0);
    expect((await streamsOf(job)).dead).toBe(0);
    expect((await streamsOf(job)).kinds.slice(-2)).toEqual(['retrying', 'cancelled']);
  });
});

describe('a running job', () => {
  it('gets its signal aborted with the cause, and its span links to the request that cancelled it', async () => {
    const effects = effectsFile('running');
    const job = await submit({ mode: 'tell-abort', effects });
    await until('the attempt', async () => (await effectsIn(effects)).length === 1);
    const { status, body, trace } = await cancel(job, WAIT);
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: 'cancelled', attempt: 1, error: { code: 'job-cancelled' } });
    await until('the handler to tell why', async () => (await effectsIn(effects)).length === 2);
    expect(await effectsIn(effects)).toEqual([`${job.id} 1`, `${job.id} aborted job-cancelled`]);
    await until('the message to be gone', async () => (await streamsOf(job)).queued === 0);
    expect((await streamsOf(job)).dead).toBe(0);

    const cancelTrace = trace?.split('-')[1];
    expect(cancelTrace).not.toBe(job.traceId);
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (all) => all.some((span) => shortName(span) === 'process test.mode'),
      60_000,
    );
    const process = spans.find((span) => shortName(span) === 'process test.mode');
    expect(process?.attributes).toMatchObject({ 'throughline.job.outcome': 'cancelled' });
    expect(process?.status).toBe('UNSET');
    expect(process?.links.map(({ traceId }) => traceId)).toEqual([job.traceId, cancelTrace]);
    expect(spans.some(({ name }) => name.includes('DELETE') || name === 'bridge/cancel')).toBe(false);
  });

  it('is answered 202 immediately when the caller does not wait, and ends soon', async () => {
    const job = await submit({ mode: 'hang' });
    await inState('running', job);
    const { status, body } = await cancel(job);
    expect([200, 202]).toContain(status);
    expect(body).toMatchObject({ id: job.id, state: status === 200 ? 'cancelled' : 'running' });
    await inState('cancelled', job);
  });

  it('that ignores its signal ends too, and records no more events', async () => {
    const job = await submit({ mode: 'ignore-signal' });
    await inState('running', job);
    expect(await cancel(job, WAIT)).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    expect((await streamsOf(job)).kinds.at(-1)).toBe('cancelled');
    expect((await stack.run('test.mode', { mode: 'done' })).state).toBe('succeeded');
  });

  it('ends, although its worker was reconnecting when it was cancelled', async () => {
    const own = await withTestStack({ ...OPERATIONS, worker: { ...WORKER, WORKER_ACK_WAIT_MS: '60000' } });
    const effects = effectsFile('reconnecting');
    const job = await submit({ mode: 'tell-abort', effects }, own);
    await inState('running', job, own);
    // It does not reconnect before the edge has taken the request.
    process.kill(own.worker.pid, 'SIGSTOP');
    await own.nats.kill('SIGKILL');
    await own.nats.restart();
    const { status } = await until('the edge to be back', async () => {
      const answer = await cancel(job, {}, own);
      return answer.status < 300 && answer;
    });
    expect(status).toBe(202);
    process.kill(own.worker.pid, 'SIGCONT');
    await inState('cancelled', job, own);
    await until('the handler to tell why', async () => (await effectsIn(effects)).length === 2);
    expect(await effectsIn(effects)).toEqual([`${job.id} 1`, `${job.id} aborted job-cancelled`]);
  });

  it('that lost its worker is not run again', async () => {
    const own = await withTestStack({ ...OPERATIONS, worker: { ...WORKER, WORKER_ACK_WAIT_MS: '1500' } });
    const effects = effectsFile('orphan');
    const job = await submit({ mode: 'hang', effects }, own);
    await until('the attempt', async () => (await effectsIn(effects)).length === 1);
    await inState('running', job, own);
    await own.worker.kill('SIGKILL');
    expect((await cancel(job, {}, own)).status).toBe(202);
    await own.addWorker({ WORKER_NAME: 'heir' });
    await inState('cancelled', job, own);
    expect(await effectsIn(effects)).toEqual([`${job.id} 1`]);
  });
});

describe('a job that cannot be cancelled', () => {
  it('has ended: 409 with its state', async () => {
    // A caller that waits gets the end a moment before the stream has stored it.
    const job = await inState('succeeded', await stack.run('echo', 1));
    const refused = await cancel(job);
    expect(refused).toMatchObject({ status: 409, body: { code: 'job-finished', state: 'succeeded' } });
    const other = await submit({ mode: 'hang' });
    await cancel(other, WAIT);
    await inState('cancelled', other);
    expect(await cancel(other)).toMatchObject({ status: 409, body: { state: 'cancelled' } });
    expect((await streamsOf(job)).kinds.filter((kind) => kind === 'cancelled')).toEqual([]);
  });

  it('is unknown, or of another tenant: 404, as for GET', async () => {
    for (const id of ['nobodys', 'not%20an%20id', crypto.randomUUID()]) {
      const [deleted, got] = await Promise.all(
        ['DELETE', 'GET'].map(async (method) => {
          const response = await stack.call(`/v1/jobs/${id}`, { method });
          const { traceId: _, ...body } = await bodyOf(Body, response);
          return { status: response.status, body };
        }),
      );
      expect(deleted).toEqual(got);
      expect(deleted).toMatchObject({ status: 404, body: { code: 'job-unknown' } });
    }
  });

  it('belongs to another tenant: 404, and it runs on', async () => {
    // Published to NATS as if the edge had done it for another tenant.
    const nats = await connect({ servers: stack.nats.url });
    onTestFinished(() => nats.close());
    const effects = effectsFile('foreign');
    const id = crypto.randomUUID();
    nats.publish(`jobs.normal.p1.other.${id}.test.mode`, JSON.stringify({ mode: 'slow', effects }));
    await until('it to run', async () => (await effectsIn(effects)).length === 1);
    expect(await cancel({ id })).toMatchObject({ status: 404, body: { code: 'job-unknown' } });
    const manager = await jetstreamManager(nats);
    const end = await until('its end', async () => {
      const last = await manager.streams.getMessage('EVENTS', { last_by_subj: `events.other.${id}` });
      const event = last === null ? undefined : readJobEvent(last.data);
      return event !== undefined && isTerminalEvent(event) && event;
    });
    expect(end.kind).toBe('succeeded');
  });
});

describe('the command line', () => {
  it('cancels a job, and says so when it had already ended', async () => {
    const job = await submit({ mode: 'hang' });
    await inState('running', job);
    const first = await run(stack, ['cancel', job.id, '--wait', '--json']);
    expect(first.code).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({ id: job.id, state: 'cancelled' });
    const second = await run(stack, ['cancel', job.id, '--json']);
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(second.stderr)).toMatchObject({ code: 'job-finished', state: 'cancelled' });
  });
});

describe('thirty jobs that are cancelled at random moments', () => {
  it('each end once, and none runs after its end', async () => {
    const own = await withTestStack({ ...OPERATIONS, worker: { ...WORKER, WORKER_CONCURRENCY: '4' } });
    const effects = effectsFile('random');
    const jobs = await Promise.all(
      Array.from({ length: 30 }, async (_, n) => {
        // One job is so long that it cannot end before it is cancelled.
        const ms = n === 0 ? 60_000 : Math.floor(Math.random() * 120);
        const job = await submit({ mode: 'nap', ms, effects }, own);
        await delay(Math.random() * 700);
        const { status } = await cancel(job, {}, own);
        expect([200, 202, 409]).toContain(status);
        return { ...job, status };
      }),
    );
    const ends = await Promise.all(
      jobs.map((job) =>
        until(`job ${job.id} to end`, async () => {
          const now = await read(job, own);
          return isTerminal(now.state) && now;
        }),
      ),
    );
    await until('the queue to be empty', async () => (await streamsOf({ id: '*' }, own)).queued === 0);
    const began = new Map(
      (await effectsIn(effects)).flatMap((line) => {
        const [id = '', what, at] = line.split(' ');
        return what === 'began' ? [[id, Number(at)] as const] : [];
      }),
    );
    // The answer fits the end: 200 means cancelled, 409 means another end. After 202 a running job may end by itself.
    for (const [index, { state }] of ends.entries()) {
      const { status } = jobs[index] ?? {};
      if (status !== 202) expect(state === 'cancelled').toBe(status === 200);
    }
    for (const { id, state } of ends) {
      const { events, kinds } = await streamsOf({ id }, own);
      const last = events.at(-1);
      expect(
        events.filter(({ event }) => isTerminalEvent(event)),
        `${id}: ${kinds.join()}`,
      ).toHaveLength(1);
      expect(last?.event.kind).toBe(state);
      expect(began.get(id) ?? 0).toBeLessThanOrEqual(last?.storedMs ?? 0);
    }
    expect(new Set(ends.map(({ state }) => state))).toContain('cancelled');
  });
});
