import { headers } from 'nats.ws';
import { describe, expect, it } from 'vitest';
import { deadLetterDetailOf, deadLetterOf } from '../../../edge/jobs/dead-letters.ts';
import { redriveDeadLetter, redriveJob } from '../../../edge/jobs/redrive.ts';
import { redriveMany } from '../../../edge/jobs/redrive-many.ts';
import type { BrokerSession } from '../../../edge/nats/broker-session.ts';
import type { StoredMessage } from '../../../edge/nats/stored-message.ts';
import type { Logger } from '../../../edge/telemetry/log.ts';
import { DeadLetterDetail } from '../../../shared/api/dead-letter.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { refusalOf } from '../../unit/support.ts';

const TIME = new Date('2026-01-01T00:00:07.000Z');
const OLD = '4bf92f3577b34da6a3ce929d0e0e4736';
const NEW = '0af7651916cd43dd8448eb211c80319c';
const traceparent = (traceId: string): string => `00-${traceId}-00f067aa0ba902b7-01`;

type Fields = Record<string, string>;
type Write = (set: (name: string, value: string) => void) => void;

function stored(subject: string, seq: number, fields: Fields, data = writeJson({ n: 7 })): StoredMessage {
  const messageHeaders = headers();
  for (const [name, value] of Object.entries(fields)) messageHeaders.append(name, value);
  return { subject, sequence: seq, data, headers: messageHeaders, time: TIME };
}

const letter = (seq = 5, more: Fields = {}, jobId = 'job-1'): StoredMessage =>
  stored(`dead.acme.${jobId}.echo`, seq, {
    traceparent: traceparent(OLD),
    baggage: 'user=ann',
    'throughline-max-attempts': '3',
    'throughline-dead-reason': 'operation-failed',
    'throughline-dead-attempts': '3',
    'x-stranger': 'canary',
    ...more,
  });

function event(kind: string, more: Record<string, unknown> = {}, seq = 40): StoredMessage {
  const at = TIME.toISOString();
  const body = {
    ...{ kind, jobId: 'job-1', operation: 'echo', attempt: 3, maxAttempts: 3, released: 0 },
    ...{ acceptedAt: at, at, worker: 'w', traceId: OLD, spanId: '00f067aa0ba902b7' },
    ...more,
  };
  return stored('events.acme.job-1', seq, {}, writeJson(body));
}

const queued = (redriveCount: string): StoredMessage =>
  stored('jobs.acme.job-1.echo', 9, {
    traceparent: traceparent(NEW),
    'throughline-redrive-count': redriveCount,
    'throughline-redrive-of': OLD,
  });

interface Streams {
  readonly DEAD?: StoredMessage[];
  readonly EVENTS?: StoredMessage[];
  readonly JOBS?: StoredMessage[];
  /** What is asked of the broker fails from here on. */
  readonly failing?: readonly string[];
  readonly duplicate?: boolean;
  /** An event that is there already when ours comes. */
  readonly meanwhile?: StoredMessage;
}

/** A broker with these messages in its streams, and what it was told. */
function broker(streams: Streams) {
  const written: { subject: string; headers: Fields; body: unknown; after?: number }[] = [];
  const deleted: (readonly [subject: string, seq: number])[] = [];
  const note = (subject: string, write: Write, body: Uint8Array, after?: number): void => {
    const fields: Fields = {};
    write((name, value) => {
      fields[name] = value;
    });
    const data: unknown = JSON.parse(new TextDecoder().decode(body));
    written.push({ subject, headers: fields, body: data, ...(after === undefined ? {} : { after }) });
  };
  const check = (what: string): void => {
    if (streams.failing?.includes(what)) throw new ThroughlineError('broker-unavailable', what);
  };
  const session = {
    lastMessage: async (stream: 'DEAD' | 'EVENTS' | 'JOBS') => {
      if (stream === 'EVENTS' && written.length > 0 && streams.meanwhile) return streams.meanwhile;
      return streams[stream]?.at(-1);
    },
    nextMessage: async (_stream: string, _filter: string, seq: number) => {
      const next = streams.DEAD?.find((message) => message.sequence >= seq);
      if (next === undefined || next.sequence > 100) check('nextMessage');
      return next;
    },
    publish: async (subject: string, write: Write, body: Uint8Array) => {
      check('publish');
      note(subject, write, body);
      return { duplicate: streams.duplicate ?? false };
    },
    publishAfter: async (after: number, subject: string, write: Write, body: Uint8Array) => {
      if (streams.meanwhile !== undefined) return false;
      note(subject, write, body, after);
      return true;
    },
    deleteUpTo: async (_stream: string, subject: string, seq: number) => {
      check('deleteUpTo');
      deleted.push([subject, seq]);
    },
  } as unknown as BrokerSession;
  const log = { debug() {}, info() {}, warn() {}, error() {} } satisfies Logger;
  const parts = { name: 'bridge', log };
  return { session, parts, written, deleted, redrive: () => redriveJob(parts, session, 'acme', 'job-1') };
}

describe('a redrive', () => {
  it('sends the same job again, records the redrive, and removes the letter', async () => {
    const { redrive, written, deleted } = broker({ DEAD: [letter()], EVENTS: [event('failed')] });
    const { job, sentBy } = await redrive();
    expect(job).toMatchObject({
      id: 'job-1',
      state: 'queued',
      attempt: 0,
      maxAttempts: 3,
      previousTraceIds: [OLD],
    });
    expect(job.traceId).not.toBe(OLD);
    expect(sentBy?.traceId).toBe(job.traceId);
    const [message, word] = written;
    expect(message).toMatchObject({ subject: 'jobs.acme.job-1.echo', body: { n: 7 } });
    expect(message?.headers).toMatchObject({
      'Nats-Msg-Id': 'job-1:redrive:5',
      'ce-id': 'job-1',
      baggage: 'user=ann',
      'throughline-max-attempts': '3',
      'throughline-redrive-count': '1',
      'throughline-redrive-of': OLD,
      traceparent: expect.stringContaining(job.traceId),
    });
    for (const name of ['x-stranger', 'throughline-dead-reason', 'throughline-dead-attempts']) {
      expect(message?.headers).not.toHaveProperty(name);
    }
    expect(word).toMatchObject({
      subject: 'events.acme.job-1',
      after: 40,
      headers: { 'Nats-Msg-Id': 'job-1:redriven:1', traceparent: message?.headers.traceparent },
      body: { kind: 'redriven', redriveCount: 1, previousTraceIds: [OLD] },
    });
    expect(deleted).toEqual([['dead.acme.job-1.>', 5]]);
  });

  it('counts on from the redrive count of the letter', async () => {
    const again = letter(8, { 'throughline-redrive-count': '1', 'throughline-redrive-of': NEW });
    const { redrive, written } = broker({ DEAD: [again], EVENTS: [event('failed', { redriveCount: 1 })] });
    expect((await redrive()).job.previousTraceIds).toEqual([NEW, OLD]);
    expect(written[0]?.headers).toMatchObject({
      'Nats-Msg-Id': 'job-1:redrive:8',
      'throughline-redrive-count': '2',
      'throughline-redrive-of': `${NEW},${OLD}`,
    });
  });

  it('goes without events, which are kept less long than letters', async () => {
    const { redrive, written } = broker({ DEAD: [letter()] });
    expect((await redrive()).job).toMatchObject({ state: 'queued', maxAttempts: 3 });
    expect(written[1]).toMatchObject({ after: 0 });
  });

  it('takes the old trace from the last attempt where the message had none', async () => {
    const { redrive } = broker({
      DEAD: [letter(5, { traceparent: 'x' })],
      EVENTS: [event('failed', { traceId: NEW })],
    });
    expect((await redrive()).job.previousTraceIds).toEqual([NEW]);
  });

  it('gives way to what a worker has recorded since the redrive', async () => {
    const meanwhile = event('started', { redriveCount: 1, attempt: 1, traceId: NEW }, 41);
    const { redrive, written, deleted } = broker({ DEAD: [letter()], EVENTS: [event('failed')], meanwhile });
    expect((await redrive()).job).toMatchObject({ state: 'running', traceId: NEW });
    expect(written).toHaveLength(1);
    expect(deleted).toHaveLength(1);
  });

  it.each(['started', 'retrying', 'released', 'succeeded', 'cancelled'])(
    'is refused after the event %s, and the letter stays',
    async (kind) => {
      const { redrive, written, deleted } = broker({ DEAD: [letter()], EVENTS: [event(kind)] });
      expect(await refusalOf(redrive)).toMatchObject({ code: 'not-dead' });
      expect({ written, deleted }).toEqual({ written: [], deleted: [] });
    },
  );

  it('is refused where there is no letter, by whether there is a job', async () => {
    expect(await refusalOf(broker({}).redrive)).toMatchObject({ code: 'dead-letter-unknown', status: 404 });
    const alive = broker({ EVENTS: [event('started')] });
    expect(await refusalOf(alive.redrive)).toMatchObject({ code: 'not-dead', status: 409 });
  });

  it('changes nothing when the queue does not take the job', async () => {
    const down = broker({ DEAD: [letter()], EVENTS: [event('failed')], failing: ['publish'] });
    expect(await refusalOf(down.redrive)).toMatchObject({ code: 'broker-unavailable' });
    expect({ written: down.written, deleted: down.deleted }).toEqual({ written: [], deleted: [] });
  });

  it('holds when only the letter could not be removed', async () => {
    const { redrive, written } = broker({
      ...{ DEAD: [letter()], EVENTS: [event('failed')], failing: ['deleteUpTo'] },
    });
    expect((await redrive()).job.state).toBe('queued');
    expect(written).toHaveLength(2);
  });

  it('that was interrupted behind the queue is finished, not done again', async () => {
    const { redrive, written, deleted } = broker({
      ...{ DEAD: [letter()], EVENTS: [event('failed')], JOBS: [queued('1')] },
    });
    const { job, sentBy } = await redrive();
    expect(job).toMatchObject({ state: 'queued', traceId: NEW, previousTraceIds: [OLD] });
    expect(sentBy?.traceId).toBe(NEW);
    expect(written.map(({ subject }) => subject)).toEqual(['events.acme.job-1']);
    expect(deleted).toEqual([['dead.acme.job-1.>', 5]]);
  });

  it('that was interrupted behind the event only removes the letter', async () => {
    const { redrive, written, deleted } = broker({
      ...{ DEAD: [letter()], EVENTS: [event('succeeded', { redriveCount: 1, traceId: NEW })] },
    });
    expect((await redrive()).job).toMatchObject({ state: 'succeeded', traceId: NEW });
    expect(written).toEqual([]);
    expect(deleted).toHaveLength(1);
  });

  it('answers with the redrive of another request that was faster', async () => {
    const looks = [undefined, queued('1')];
    const { session, parts, written } = broker({ EVENTS: [event('failed')], duplicate: true });
    const { lastMessage } = session;
    session.lastMessage = async (stream, subject) =>
      stream === 'JOBS' ? looks.shift() : await lastMessage(stream, subject);
    expect((await redriveDeadLetter(parts, session, letter())).job).toMatchObject({ traceId: NEW });
    expect(written.at(-1)).toMatchObject({ body: { kind: 'redriven', traceId: NEW } });
  });

  it('does not take the older message, not yet removed, for its own', async () => {
    const before = stored('jobs.acme.job-1.echo', 9, { traceparent: traceparent(OLD) });
    const { redrive, written } = broker({ DEAD: [letter()], EVENTS: [event('failed')], JOBS: [before] });
    await redrive();
    expect(written[0]?.subject).toBe('jobs.acme.job-1.echo');
  });
});

describe('a redrive of many', () => {
  const command = {
    ...{ tenant: 'acme', operation: undefined, reason: undefined, limit: 100 },
    ...{ from: 1, to: undefined, carrier: {} },
  };
  const letters = [1, 2, 3].map((seq) => letter(seq, {}, `job-${seq}`));

  it('goes on where a cursor says, and never beyond what was there at first', async () => {
    const { session, parts } = broker({ DEAD: letters });
    const first = await redriveMany(parts, session, { ...command, limit: 2 });
    expect(first).toEqual({ redriven: ['job-1', 'job-2'], failed: [], cursor: '3-3' });
    const grown = broker({ DEAD: [...letters, letter(4, {}, 'job-1')] });
    const rest = await redriveMany(grown.parts, grown.session, { ...command, from: 3, to: 3 });
    expect(rest).toEqual({ redriven: ['job-3'], failed: [] });
  });

  it('says what became of each, and takes only those that died of the reason', async () => {
    const { session, parts } = broker({ DEAD: letters, EVENTS: [event('started')] });
    const failed = letters.map((_, index) => ({ id: `job-${index + 1}`, code: 'not-dead' }));
    expect(await redriveMany(parts, session, command)).toEqual({ redriven: [], failed });
    expect(await redriveMany(parts, session, { ...command, reason: 'other' })).toEqual({
      ...{ redriven: [], failed: [] },
    });
  });

  it('tells what was done when the broker is lost on the way', async () => {
    const { session, parts } = broker({
      DEAD: [...letters.slice(0, 1), letter(101)],
      failing: ['nextMessage'],
    });
    expect(await redriveMany(parts, session, command)).toEqual({
      ...{ redriven: ['job-1'], failed: [], cursor: '2-101' },
    });
  });
});

describe('a stored letter', () => {
  it('is shown with its payload and the headers that mean something here', () => {
    const detail = deadLetterDetailOf(letter(5, { 'Ce-Id': 'job-1', 'Content-Type': 'application/json' }));
    expect(detail).toEqual({
      ...{ id: 'job-1', operation: 'echo', reason: 'operation-failed', attempts: 3, traceId: OLD },
      diedAt: TIME.toISOString(),
      links: { self: '/v1/dead-letters/job-1', job: '/v1/jobs/job-1' },
      input: { n: 7 },
      headers: {
        baggage: 'user=ann',
        'ce-id': 'job-1',
        'content-type': 'application/json',
        'throughline-dead-attempts': '3',
        'throughline-dead-reason': 'operation-failed',
        'throughline-max-attempts': '3',
        traceparent: traceparent(OLD),
      },
    });
  });

  it('is shown in base64 when it is no JSON, and needs no headers', () => {
    const message = { ...letter(), data: new Uint8Array([0xff, 0x00]), headers: undefined };
    expect(deadLetterDetailOf(message)).toMatchObject({ body: '/wA=', headers: {}, reason: '', traceId: '' });
    expect(deadLetterDetailOf(message)).not.toHaveProperty('input');
  });

  it.each<Fields>([
    { 'throughline-dead-attempts': 'many' },
    { traceparent: 'x' },
    { 'throughline-redrive-count': '-1' },
  ])('fits what the API says, also with %j', (fields) => {
    const bad = stored('dead.acme.job-1.echo', 1, fields);
    expect(DeadLetterDetail.safeParse(deadLetterDetailOf(bad)).success).toBe(true);
    expect(deadLetterOf(bad)).not.toHaveProperty('redriveCount');
  });
});
