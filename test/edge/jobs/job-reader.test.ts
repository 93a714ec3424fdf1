import { describe, expect, it } from 'vitest';
import { readJob } from '../../../edge/jobs/job-reader.ts';
import type { StoredMessage } from '../../../edge/nats/stored-message.ts';
import { Job } from '../../../shared/job/job.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { refusalOf } from '../../unit/support.ts';
import { MemoryBroker } from '../support/memory-broker.ts';
import { MemoryHeaders } from '../support/memory-headers.ts';

const STORED = new Date('2026-01-01T00:00:07.000Z');
const SUBJECT = 'jobs.normal.p3.acme.job-1.image.thumbnail';
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

/** A message as another program may have sent it. */
function queued(fields: Record<string, string> = {}): StoredMessage {
  return {
    sequence: 1,
    subject: SUBJECT,
    data: writeJson({ width: 7 }),
    headers: new MemoryHeaders(fields),
    time: STORED,
  };
}

const event = (kind: string): StoredMessage => ({
  sequence: 1,
  subject: 'events.acme.job-1',
  headers: undefined,
  time: STORED,
  data: writeJson({
    kind,
    jobId: 'job-1',
    operation: 'image.thumbnail',
    attempt: 1,
    maxAttempts: 5,
    released: 0,
    acceptedAt: STORED.toISOString(),
    at: STORED.toISOString(),
    worker: 'w',
    traceId: TRACE_ID,
    spanId: '00f067aa0ba902b7',
  }),
});

const decode = (data: Uint8Array): string => new TextDecoder().decode(data);

/** Reads the job from streams that hold these messages. */
function read(streams: Readonly<Record<string, StoredMessage>>): Promise<Job | undefined> {
  const broker = new MemoryBroker();
  for (const [stream, message] of Object.entries(streams)) broker.store(stream, message);
  return readJob(broker, 'acme', 'job-1');
}

describe('reading a job', () => {
  it('gives the job of its last event', async () => {
    expect(await read({ EVENTS: event('succeeded'), JOBS: queued() })).toMatchObject({
      state: 'succeeded',
    });
  });

  it('gives a queued job if nothing has happened yet', async () => {
    const message = queued({
      traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`,
      'ce-time': '2026-01-01T00:00:00.000Z',
      'throughline-max-attempts': '3',
    });
    expect(await read({ JOBS: message })).toEqual({
      id: 'job-1',
      operation: 'image.thumbnail',
      state: 'queued',
      attempt: 0,
      maxAttempts: 3,
      durability: 'stream',
      acceptedAt: '2026-01-01T00:00:00.000Z',
      traceId: TRACE_ID,
      links: { self: '/v1/jobs/job-1' },
    });
  });

  it('looks at the events again: the job may have left the queue between the two looks', async () => {
    const broker = new MemoryBroker();
    broker.before('lastMessage', (nth) => nth === 2 && broker.store('EVENTS', event('failed')));
    expect(await readJob(broker, 'acme', 'job-1')).toMatchObject({ state: 'failed' });
  });

  it('gives undefined when there is no job', async () => {
    expect(await read({})).toBeUndefined();
  });

  it.each<[string, Record<string, StoredMessage>]>([
    ['of a job in the queue', { JOBS: queued() }],
    ['of a job that is nowhere else', {}],
  ])(
    'is refused if the last event cannot be read, and never counts as no event: %s',
    async (_what, streams) => {
      for (const body of [
        { hello: 1 },
        { ...JSON.parse(decode(event('retrying').data)), retryInMs: null },
        null,
      ]) {
        const noise = { ...event('succeeded'), data: writeJson(body) };
        const error = await refusalOf(() => read({ EVENTS: noise, ...streams }));
        expect(error).toMatchObject({ code: 'record-unreadable' });
      }
    },
  );

  it('reads a message without headers', async () => {
    const job = await read({ JOBS: { ...queued(), headers: undefined } });
    expect(job).toMatchObject({ state: 'queued', acceptedAt: STORED.toISOString(), traceId: '' });
  });

  it('reads header names in any case', async () => {
    const message = queued({
      Traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`,
      'Ce-Time': '2026-01-01T00:00:00.000Z',
      'Throughline-Max-Attempts': '3',
    });
    expect(await read({ JOBS: message })).toMatchObject({
      traceId: TRACE_ID,
      acceptedAt: '2026-01-01T00:00:00.000Z',
      maxAttempts: 3,
    });
  });

  it.each<[string, Record<string, string>]>([
    ['attempts that are no number', { 'throughline-max-attempts': 'many' }],
    ['attempts beyond bounds', { 'throughline-max-attempts': '1000000' }],
    ['a time that is none', { 'ce-time': 'yesterday' }],
    ['a time beyond the calendar', { 'ce-time': '+010000-01-01T00:00:00Z' }],
    ['a broken trace', { traceparent: 'x' }],
  ])('gives a job that fits the schema of the API, also with %s', async (_what, fields) => {
    expect(Job.safeParse(await read({ JOBS: queued(fields) })).success).toBe(true);
  });
});
