import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { SEALED } from '../../../edge/calls/place-seal.ts';
import { JobHistory, RecordedEvent } from '../../../shared/api/answers/job-history.ts';
import type { EventKind } from '../../../shared/job/event.ts';
import { Job } from '../../../shared/job/job.ts';
import { bodyOf, bridgesOf } from '../../support/http/answers.ts';
import { allOf, connectEvents } from '../../support/http/event-source.ts';
import { jobEvent } from '../../support/nats/job-event.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';

const WATCHERS = 50;
const OPTIONS = { operationsFolder: 'test/fixtures/operations', edge: { SSE_HEARTBEAT_MS: '100' } };

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack(OPTIONS);
});

/** A job history without events of callbacks. */
const History = JobHistory.extend({ events: z.array(RecordedEvent) });

async function historyOf(stack: TestStack, jobId: string, query = ''): Promise<RecordedEvent[]> {
  const response = await stack.call(`/v1/jobs/${jobId}/events${query}`, {
    headers: { accept: 'application/json' },
  });
  expect(response.status).toBe(200);
  return (await bodyOf(History, response)).events;
}

async function submit(input: Record<string, unknown>): Promise<Job> {
  return Job.parse(await (await stack.submit({ operation: 'test.mode', input })).json());
}

/** A worker of the test: it records an event of a job when the test says so. Each event has a text of its own. */
async function startTeller(stack: TestStack, jobId: string) {
  const nats: NatsConnection = await connect({ servers: stack.nats.url, maxReconnectAttempts: -1 });
  const stream = jetstream(nats);
  let count = 0;
  const tell = async (kind: EventKind, attempt = 1): Promise<string> => {
    const at = new Date().toISOString();
    const progress = { message: `${++count}` };
    const event = jobEvent(kind, { jobId, operation: 'test.told', attempt, at, progress });
    const msgID = `${jobId}:${count}`;
    await stream.publish(`events.demo.${jobId}`, JSON.stringify(event), { msgID, retries: 20 });
    return event.progress?.message ?? '';
  };
  return { tell, stop: () => nats.close() };
}

async function watchedJobs(stack: TestStack): Promise<number> {
  return (await bridgesOf(stack)).reduce((sum, bridge) => sum + bridge.watchedJobs, 0);
}

const kindsOf = (events: readonly RecordedEvent[]): string[] => events.map(({ kind }) => kind);
const textsOf = (events: readonly RecordedEvent[]): string[] =>
  events.map(({ progress }) => progress?.message ?? '');
const idsOf = (events: readonly RecordedEvent[]): string[] => events.map(({ id }) => id);

describe('the history of a job', () => {
  it('holds every event in order, and the job shows the same attempts', async () => {
    const job = await stack.run('test.mode', { mode: 'fail-until', until: 2 });
    const events = await historyOf(stack, job.id);
    expect(kindsOf(events)).toEqual(['started', 'progress', 'retrying', 'started', 'progress', 'succeeded']);
    expect(events.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 2, 2, 2]);
    const ids = idsOf(events);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(SEALED);
    for (const event of events) expect(event).toMatchObject({ jobId: job.id, traceId: job.traceId });
    expect(events[2]).toMatchObject({ error: { code: 'operation-failed' } });
    expect(events[5]).toMatchObject({ result: { attempt: 2 } });
    expect(await historyOf(stack, job.id, `?after=${ids[3]}`)).toEqual(events.slice(4));

    const shown = Job.parse(await (await stack.call(`/v1/jobs/${job.id}`)).json());
    expect(shown.attempts).toEqual([
      {
        number: 1,
        worker: events[0]?.worker,
        startedAt: events[0]?.startedAt,
        endedAt: events[2]?.at,
        outcome: 'retrying',
        error: events[2]?.error,
        spanId: events[0]?.spanId,
      },
      {
        number: 2,
        worker: events[3]?.worker,
        startedAt: events[3]?.startedAt,
        endedAt: events[5]?.at,
        outcome: 'succeeded',
        spanId: events[3]?.spanId,
      },
    ]);
  });

  it('of any length comes whole, in pages', async () => {
    const teller = await startTeller(stack, 'long-history');
    const told = await Promise.all(Array.from({ length: 1_500 }, () => teller.tell('progress')));
    const pages: RecordedEvent[][] = [];
    for (let query: string | undefined = ''; query !== undefined; ) {
      const response = await stack.call(`/v1/jobs/long-history/events${query}`);
      const { events, next } = await bodyOf(History, response);
      pages.push(events);
      query = next && `?after=${next}`;
    }
    expect(pages.map(({ length }) => length)).toEqual([250, 250, 250, 250, 250, 250]);
    expect(textsOf(pages.flat())).toEqual(told);
    expect(new Set(idsOf(pages.flat())).size).toBe(told.length);

    await teller.tell('succeeded');
    const streamed = await allOf(await connectEvents(stack, 'long-history'));
    expect(textsOf(streamed).slice(0, -1)).toEqual(told);
    await teller.stop();
  });

  it.each(['application/json', 'text/event-stream'])(
    'is answered 404 where the job is unknown or of another tenant (%s)',
    async (accept) => {
      const nats = await connect({ servers: stack.nats.url });
      await jetstream(nats).publish('events.others.foreign', '{}');
      await nats.close();
      for (const id of ['nobody', 'foreign', 'a.b', '*']) {
        const response = await stack.call(`/v1/jobs/${id}/events`, { headers: { accept } });
        expect(response.status).toBe(404);
        expect((await problemOf(response)).code).toBe('job-unknown');
      }
      expect(await watchedJobs(stack)).toBe(0);
    },
  );

  it('shows by its ids neither the order of events nor how many there are of all jobs', async () => {
    const jobs = await Promise.all([1, 2, 3].map(() => stack.run('test.mode', { mode: 'done' })));
    const histories = await Promise.all(jobs.map(({ id }) => historyOf(stack, id)));
    for (const id of histories.flatMap(idsOf)) expect(id).toMatch(SEALED);
    const [first, second] = histories;
    for (const query of ['?after=1', '?after=', '?after=x', `?after=${first?.[0]?.id}&after=x`, '?aftr=1'])
      expect((await stack.call(`/v1/jobs/${jobs[0]?.id}/events${query}`)).status).toBe(400);
    const foreign = await stack.call(`/v1/jobs/${jobs[0]?.id}/events?after=${second?.[0]?.id}`);
    expect([foreign.status, (await problemOf(foreign)).code]).toEqual([404, 'cursor-unknown']);
  });

  it('goes on at an id that was given before the edge started again', async () => {
    const stack = await withTestStack({ ...OPTIONS, edge: { ...OPTIONS.edge, BRIDGE_SHARDS: '4' } });
    const job = await stack.run('test.mode', { mode: 'done' });
    const events = await historyOf(stack, job.id);
    await stack.restartEdge();
    expect(await historyOf(stack, job.id, `?after=${events[0]?.id}`)).toEqual(events.slice(1));
  });

  it('refuses a Last-Event-ID that is none', async () => {
    const response = await stack.call('/v1/jobs/any/events', { headers: { 'last-event-id': 'x' } });
    expect([response.status, (await problemOf(response)).code]).toEqual([400, 'request-invalid']);
    expect((await fetch(`${stack.url}/v1/jobs/any/events`)).status).toBe(401);
  });
});

describe('the event stream of a job', () => {
  it('gives past events, then new ones, and ends with the job', async () => {
    const job = await submit({ mode: 'slow' });
    const connection = await connectEvents(stack, job.id);
    expect(connection.response.status).toBe(200);
    expect(Object.fromEntries(connection.response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      traceresponse: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-9]$/),
    });
    const events = await allOf(connection);
    expect(kindsOf(events)).toEqual(['started', 'progress', 'succeeded']);
    expect(events).toEqual(await historyOf(stack, job.id));
    expect(await until('the watch to end', async () => (await watchedJobs(stack)) === 0)).toBe(true);
  });

  it('of a job that has ended is its history, and empty for a reader that has all of it', async () => {
    const job = await stack.run('test.mode', { mode: 'done' });
    const events = await allOf(await connectEvents(stack, job.id));
    expect(events).toEqual(await historyOf(stack, job.id));
    expect(await allOf(await connectEvents(stack, job.id, events[0]?.id))).toEqual(events.slice(1));
    expect((await connectEvents(stack, job.id, events.at(-1)?.id)).response.status).toBe(204);
    expect(await watchedJobs(stack)).toBe(0);
  });

  it('sends comments while nothing happens, and ends its watch when the reader goes away', async () => {
    const teller = await startTeller(stack, 'silent');
    await teller.tell('started');
    const connections = await Promise.all([1, 2, 3].map(() => connectEvents(stack, 'silent')));
    expect(await watchedJobs(stack)).toBe(1);
    const [reader] = connections.map(({ response }) => response.body?.getReader());
    let text = '';
    while (!text.includes('\n:\n')) text += new TextDecoder().decode((await reader?.read())?.value);
    for (const { drop } of connections) drop();
    expect(await until('the watch to end', async () => (await watchedJobs(stack)) === 0)).toBe(true);
    await teller.stop();
  });

  it(`is complete for ${WATCHERS} watchers of one job, each of them cut off once`, async () => {
    const teller = await startTeller(stack, 'popular');
    const written = [await teller.tell('started')];
    const watching = Array.from({ length: WATCHERS }, (_, index) =>
      watchWithCut(stack, 'popular', 1 + (index % 20)),
    );
    for (let number = 0; number < 40; number++) written.push(await teller.tell('progress'));
    expect(await watchedJobs(stack)).toBe(1);
    written.push(await teller.tell('succeeded'));
    for (const texts of await Promise.all(watching)) expect(texts).toEqual(written);
    expect(await until('the watch to end', async () => (await watchedJobs(stack)) === 0)).toBe(true);
    await teller.stop();
  });

  it('goes on after a restart of NATS, and gives each event once', async () => {
    const stack = await withTestStack(OPTIONS);
    const teller = await startTeller(stack, 'survivor');
    const written = [await teller.tell('started')];
    const connections = await Promise.all([
      connectEvents(stack, 'survivor'),
      connectEvents(stack, 'survivor'),
    ]);
    const watching = connections.map(allOf);
    for (const signal of ['SIGKILL', 'SIGKILL'] as const) {
      written.push(await teller.tell('progress'));
      await stack.nats.kill(signal);
      await stack.nats.restart();
      written.push(await teller.tell('progress'));
    }
    written.push(await teller.tell('succeeded'));
    for (const events of await Promise.all(watching)) expect(textsOf(events)).toEqual(written);
    await teller.stop();
  });
});

/** Watches a job to its end over two connections: the first is dropped after some events. */
async function watchWithCut(stack: TestStack, jobId: string, cutAfter: number): Promise<string[]> {
  const seen: RecordedEvent[] = [];
  const first = await connectEvents(stack, jobId);
  for await (const event of first) {
    seen.push(event);
    if (seen.length === cutAfter) break;
  }
  first.drop();
  for await (const event of await connectEvents(stack, jobId, seen.at(-1)?.id)) seen.push(event);
  return textsOf(seen);
}
