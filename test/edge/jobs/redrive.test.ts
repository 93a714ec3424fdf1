import { describe, expect, it } from 'vitest';
import { UsageBook } from '../../../edge/access/usage-book.ts';
import { PooledJobs } from '../../../edge/bridge/pooled-jobs.ts';
import { redriveDeadLetter, redriveJob } from '../../../edge/jobs/redrive.ts';
import { redriveMany } from '../../../edge/jobs/redrive-many.ts';
import type { StoredMessage } from '../../../edge/nats/stored-message.ts';
import type { Logger } from '../../../edge/telemetry/log.ts';
import { NO_USAGE } from '../../../shared/api/usage.ts';
import { unavailable } from '../../../shared/errors.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { parseJobSubject } from '../../../shared/wire/subjects.ts';
import { refusalOf } from '../../unit/support.ts';
import { MemoryBroker } from '../support/memory-broker.ts';
import { deadLetter, type Fields, NEW, OLD, stored, TIME, traceparent } from './stored-letters.ts';

const FAIR_JOBS = 2;

function event(kind: string, more: Record<string, unknown> = {}, seq = 40, jobId = 'job-1'): StoredMessage {
  const at = TIME.toISOString();
  const body = {
    ...{ kind, jobId, operation: 'echo', attempt: 3, maxAttempts: 3, released: 0 },
    ...{ acceptedAt: at, at, worker: 'w', traceId: OLD, spanId: '00f067aa0ba902b7' },
    ...more,
  };
  return stored(`events.acme.${jobId}`, seq, {}, writeJson(body));
}

/** The message of the job's first redrive. */
const queued = (more: Fields = {}): StoredMessage =>
  stored('jobs.normal.p3.acme.job-1.echo', 9, {
    traceparent: traceparent(NEW),
    'throughline-redrive-count': '1',
    'throughline-previous-trace-ids': OLD,
    ...more,
  });

const isJob = ({ subject }: { readonly subject: string }) => subject.startsWith('jobs.');

/** A broker with these messages in its streams, what was published there, and whose dead letters are left. */
function setup(
  streams: Readonly<Record<string, readonly StoredMessage[]>>,
  isLimited = false,
  maxJobs = 100,
) {
  const broker = new MemoryBroker();
  for (const [stream, messages] of Object.entries(streams)) broker.store(stream, ...messages);
  const log = { debug() {}, info() {}, warn() {}, error() {} } satisfies Logger;
  const pooled = new PooledJobs(FAIR_JOBS);
  const count = async () => ({ ...NO_USAGE, jobs: broker.published.filter(isJob).length });
  const usage = new UsageBook({ fairJobs: FAIR_JOBS, count });
  const quotasOf = () => ({ jobs: maxJobs, bytes: 1e6, delayedJobs: 0, delayedBytes: 0 });
  const operations = { isLimited: () => isLimited };
  const parts = { name: 'bridge', log, operations, pooled, usage, quotasOf };
  const written = () =>
    broker.published.map(({ headers, data, ...message }) => ({
      ...message,
      headers: headers.fields,
      body: JSON.parse(new TextDecoder().decode(data)) as unknown,
    }));
  const left = () => broker.stream('DEAD').messages.map(({ subject }) => parseJobSubject(subject)?.jobId);
  return {
    broker,
    parts,
    written,
    left,
    redrive: () => redriveJob(parts, broker, { tenant: 'acme', jobId: 'job-1' }),
  };
}

describe('a redrive', () => {
  it('of a job whose operation has a limit by key goes to a limited lane', async () => {
    const { redrive, written } = setup({ DEAD: [deadLetter()], EVENTS: [event('failed')] }, true);
    await redrive();
    expect(written()[0]?.subject).toBe('jobs.normal.l0.acme.job-1.echo');
  });

  it('sends the same job again, records the redrive, and removes the dead letter', async () => {
    const others = deadLetter(6, {}, 'job-2');
    const { redrive, written, left } = setup({ DEAD: [deadLetter(), others], EVENTS: [event('failed')] });
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
    const [message, record] = written();
    expect(message).toMatchObject({ subject: 'jobs.normal.p3.acme.job-1.echo', body: { n: 7 } });
    expect(message?.headers).toMatchObject({
      'Nats-Msg-Id': 'job-1:redrive:5',
      'ce-id': 'job-1',
      baggage: 'user=ann',
      'throughline-max-attempts': '3',
      'throughline-redrive-count': '1',
      'throughline-previous-trace-ids': OLD,
      traceparent: expect.stringContaining(job.traceId),
    });
    for (const name of ['x-stranger', 'throughline-dead-reason', 'throughline-dead-attempts']) {
      expect(message?.headers).not.toHaveProperty(name);
    }
    expect(record).toMatchObject({
      subject: 'events.acme.job-1',
      after: 40,
      headers: { 'Nats-Msg-Id': 'job-1:redriven:1', traceparent: message?.headers.traceparent },
      body: { kind: 'redriven', redriveCount: 1, previousTraceIds: [OLD] },
    });
    expect(left()).toEqual(['job-2']);
  });

  it('counts on from the redrive count of the dead letter', async () => {
    const again = deadLetter(8, { 'throughline-redrive-count': '1', 'throughline-previous-trace-ids': NEW });
    const { redrive, written } = setup({ DEAD: [again], EVENTS: [event('failed', { redriveCount: 1 })] });
    expect((await redrive()).job.previousTraceIds).toEqual([NEW, OLD]);
    expect(written()[0]?.headers).toMatchObject({
      'Nats-Msg-Id': 'job-1:redrive:8',
      'throughline-redrive-count': '2',
      'throughline-previous-trace-ids': `${NEW},${OLD}`,
    });
  });

  it('is refused if nobody can read what happened to the job last', async () => {
    const noise = stored('events.acme.job-1', 40, {}, writeJson({ hello: 1 }));
    const { redrive, written, left } = setup({ DEAD: [deadLetter()], EVENTS: [noise] });
    expect(await refusalOf(redrive)).toMatchObject({ code: 'record-unreadable' });
    expect([written(), left()]).toEqual([[], ['job-1']]);
  });

  it('works without events: they are kept for less time than dead letters', async () => {
    const { redrive, written } = setup({ DEAD: [deadLetter()] });
    expect((await redrive()).job).toMatchObject({ state: 'queued', maxAttempts: 3 });
    expect(written()[1]).toMatchObject({ after: 0 });
  });

  it('takes the old trace from the last attempt when the message has none', async () => {
    const { redrive } = setup({
      DEAD: [deadLetter(5, { traceparent: 'x' })],
      EVENTS: [event('failed', { traceId: NEW })],
    });
    expect((await redrive()).job.previousTraceIds).toEqual([NEW]);
  });

  it('answers with the event that a worker has recorded since', async () => {
    const meanwhile = event('started', { redriveCount: 1, attempt: 1, traceId: NEW }, 41);
    const { broker, redrive, left } = setup({ DEAD: [deadLetter()], EVENTS: [event('failed')] });
    broker.before('publishAfter', () => broker.store('EVENTS', meanwhile));
    expect((await redrive()).job).toMatchObject({ state: 'running', traceId: NEW });
    expect(broker.stream('EVENTS').messages).toHaveLength(2);
    expect(broker.stream('JOBS').messages).toHaveLength(1);
    expect(left()).toEqual([]);
  });

  it.each(['started', 'retrying', 'released', 'succeeded', 'cancelled'])(
    'is refused after the event %s, and the dead letter stays',
    async (kind) => {
      const { redrive, written, left } = setup({ DEAD: [deadLetter()], EVENTS: [event(kind)] });
      expect(await refusalOf(redrive)).toMatchObject({ code: 'not-dead' });
      expect({ written: written(), left: left() }).toEqual({ written: [], left: ['job-1'] });
    },
  );

  it('is refused when there is no dead letter; the error says whether there is a job', async () => {
    expect(await refusalOf(setup({}).redrive)).toMatchObject({ code: 'dead-letter-unknown' });
    const alive = setup({ EVENTS: [event('started')] });
    expect(await refusalOf(alive.redrive)).toMatchObject({ code: 'not-dead' });
  });

  it('changes nothing when the queue does not take the job', async () => {
    const { broker, redrive, written, left } = setup({ DEAD: [deadLetter()], EVENTS: [event('failed')] });
    broker.fail('publish');
    expect(await refusalOf(redrive)).toMatchObject({ code: 'broker-unavailable' });
    expect({ written: written(), left: left() }).toEqual({ written: [], left: ['job-1'] });
  });

  it('succeeds when only the dead letter cannot be removed', async () => {
    const { broker, redrive, written } = setup({ DEAD: [deadLetter()], EVENTS: [event('failed')] });
    broker.fail('deleteUpTo');
    expect((await redrive()).job.state).toBe('queued');
    expect(written()).toHaveLength(2);
  });

  it('that was interrupted after it reached the queue is finished, not repeated', async () => {
    const { redrive, written, left } = setup({
      DEAD: [deadLetter()],
      EVENTS: [event('failed')],
      JOBS: [queued()],
    });
    const { job, sentBy } = await redrive();
    expect(job).toMatchObject({ state: 'queued', traceId: NEW, previousTraceIds: [OLD] });
    expect(sentBy?.traceId).toBe(NEW);
    expect(written().map(({ subject }) => subject)).toEqual(['events.acme.job-1']);
    expect(left()).toEqual([]);
  });

  it('that was interrupted after its event only removes the dead letter', async () => {
    const { redrive, written, left } = setup({
      DEAD: [deadLetter()],
      EVENTS: [event('succeeded', { redriveCount: 1, traceId: NEW })],
    });
    expect((await redrive()).job).toMatchObject({ state: 'succeeded', traceId: NEW });
    expect(written()).toEqual([]);
    expect(left()).toEqual([]);
  });

  it('answers with the redrive of a faster request', async () => {
    const { broker, parts, written } = setup({ EVENTS: [event('failed')] });
    const faster = queued({ 'Nats-Msg-Id': 'job-1:redrive:5' });
    broker.before('publish', () => broker.store('JOBS', faster));
    expect((await redriveDeadLetter(parts, broker, { tenant: 'acme' }, deadLetter())).job).toMatchObject({
      traceId: NEW,
    });
    expect(broker.stream('JOBS').messages).toHaveLength(1);
    expect(written().at(-1)).toMatchObject({ body: { kind: 'redriven', traceId: NEW } });
  });

  it('does not mistake the older message, which is not removed yet, for its own', async () => {
    const before = stored('jobs.normal.p3.acme.job-1.echo', 9, { traceparent: traceparent(OLD) });
    const { redrive, written } = setup({ DEAD: [deadLetter()], EVENTS: [event('failed')], JOBS: [before] });
    await redrive();
    expect(written()[0]?.subject).toBe('jobs.normal.p3.acme.job-1.echo');
  });
});

/** The lanes of the redriven jobs. */
const lanesOf = (written: readonly { readonly subject: string }[]) =>
  written
    .map(({ subject }) => subject.split('.'))
    .flatMap(([, , lane, , id]) => (id ? [`${id} ${lane}`] : []));

describe('redriven jobs', () => {
  const some = [1, 2, 3, 4].map((seq) => deadLetter(seq, {}, `job-${seq}`));
  const failures = some.map((_, index) => event('failed', {}, index + 1, `job-${index + 1}`));
  const redriveAll = async (streams: Parameters<typeof setup>[0], isLimited = false) => {
    const { parts, broker, written } = setup(streams, isLimited);
    for (let n = 1; n <= some.length; n++)
      await redriveJob(parts, broker, { tenant: 'acme', jobId: `job-${n}` });
    return { parts, broker, lanes: lanesOf(written()), written };
  };

  it('Q12: take the places of their tenant in the pooled lane, and the others wait in a bulk lane', async () => {
    const { lanes } = await redriveAll({ DEAD: some, EVENTS: failures });
    expect(lanes).toEqual(['job-1 p3', 'job-2 p3', 'job-3 b1', 'job-4 b1']);
  });

  it('of an operation with a limit by key do so in the limited lanes', async () => {
    const { lanes } = await redriveAll({ DEAD: some, EVENTS: failures }, true);
    expect(lanes).toEqual(['job-1 l0', 'job-2 l0', 'job-3 l1', 'job-4 l1']);
  });

  it('with ordering keys have their own lanes, and take no place', async () => {
    const ordered = some.map((_, n) =>
      deadLetter(n + 1, { 'throughline-ordering-key': 'k' }, `job-${n + 1}`),
    );
    const { parts, broker } = await redriveAll({ DEAD: ordered, EVENTS: failures });
    broker.store('DEAD', deadLetter(9, {}, 'job-9'));
    broker.store('EVENTS', event('failed', {}, 9, 'job-9'));
    await redriveJob(parts, broker, { tenant: 'acme', jobId: 'job-9' });
    expect(broker.published.some(({ subject }) => subject === 'jobs.normal.p3.acme.job-9.echo')).toBe(true);
  });

  it('count against the quotas of their tenant like new jobs, however many are redriven at once', async () => {
    const { parts, broker, written, left } = setup({ DEAD: some, EVENTS: failures }, false, 2);
    const tried = await Promise.allSettled(
      some.map((_, n) => redriveJob(parts, broker, { tenant: 'acme', jobId: `job-${n + 1}` })),
    );
    const refused = tried.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    expect(refused).toEqual(
      [2, 2].map((limit) => expect.objectContaining({ quota: { name: 'jobs', limit, left: 0 } })),
    );
    expect(written().filter(isJob)).toHaveLength(2);
    expect(left()).toHaveLength(2);
  });

  it('of which the queue took none take no room', async () => {
    const { parts, broker, written } = setup({ DEAD: some, EVENTS: failures }, false, 1);
    broker.fail('publish');
    for (let n = 1; n <= 3; n++)
      await refusalOf(() => redriveJob(parts, broker, { tenant: 'acme', jobId: `job-${n}` }));
    broker.before('publish', () => undefined);
    await redriveJob(parts, broker, { tenant: 'acme', jobId: 'job-1' });
    expect(written().filter(isJob)).toHaveLength(1);
  });

  it('leave their place when the queue does not take them', async () => {
    const { parts, broker, written } = setup({ DEAD: some, EVENTS: failures });
    broker.fail('publish');
    for (let n = 1; n <= FAIR_JOBS; n++)
      await refusalOf(() => redriveJob(parts, broker, { tenant: 'acme', jobId: `job-${n}` }));
    broker.before('publish', () => undefined);
    await redriveJob(parts, broker, { tenant: 'acme', jobId: 'job-3' });
    expect(lanesOf(written())).toEqual(['job-3 p3']);
  });
});

describe('a redrive of many', () => {
  const command = {
    ...{ tenant: 'acme', operation: undefined, reason: undefined, tags: [], limit: 100 },
    ...{ from: 1, to: undefined, carrier: {} },
  };
  const deadLetters = [1, 2, 3].map((seq) => deadLetter(seq, {}, `job-${seq}`));

  it('goes on at its cursor, and stops at the last dead letter of the first request', async () => {
    const { broker, parts } = setup({ DEAD: deadLetters });
    const first = await redriveMany(parts, broker, { ...command, limit: 2 });
    expect(first).toEqual({ redriven: ['job-1', 'job-2'], failed: [], cursor: '3-3' });
    const grown = setup({ DEAD: [...deadLetters, deadLetter(4, {}, 'job-1')] });
    const rest = await redriveMany(grown.parts, grown.broker, { ...command, from: 3, to: 3 });
    expect(rest).toEqual({ redriven: ['job-3'], failed: [] });
  });

  it('reports each job, and redrives only those that died for the reason', async () => {
    const { broker, parts } = setup({
      DEAD: deadLetters,
      EVENTS: [1, 2, 3].map((seq) => event('started', {}, seq, `job-${seq}`)),
    });
    const failed = deadLetters.map((_, index) => ({ id: `job-${index + 1}`, code: 'not-dead' }));
    expect(await redriveMany(parts, broker, command)).toEqual({ redriven: [], failed });
    expect(await redriveMany(parts, broker, { ...command, reason: 'other' })).toEqual({
      ...{ redriven: [], failed: [] },
    });
  });

  it('takes only dead letters that have all the tags', async () => {
    const tagged = (seq: number, tags: string) => deadLetter(seq, { 'throughline-tags': tags }, `job-${seq}`);
    const { broker, parts } = setup({ DEAD: [tagged(1, 'a'), tagged(2, 'b,a'), deadLetter(3, {}, 'job-3')] });
    expect(await redriveMany(parts, broker, { ...command, tags: ['a', 'b'] })).toEqual({
      ...{ redriven: ['job-2'], failed: [] },
    });
  });

  it('stops at a quota of its tenant, and its cursor leads to the dead letters that are left', async () => {
    const { broker, parts, left } = setup({ DEAD: deadLetters }, false, 2);
    const report = { redriven: ['job-1', 'job-2'], failed: [], cursor: '3-3' };
    expect(await redriveMany(parts, broker, command)).toEqual(report);
    expect(left()).toEqual(['job-3']);
    const refused = await refusalOf(() => redriveMany(parts, broker, { ...command, from: 3, to: 3 }));
    expect(refused).toMatchObject({ code: 'quota-exceeded', quota: { name: 'jobs', limit: 2, left: 0 } });
  });

  it('reports what was done when the connection is lost on the way', async () => {
    const { broker, parts } = setup({ DEAD: [...deadLetters.slice(0, 1), deadLetter(101, {}, 'job-2')] });
    broker.before('nextMessage', (nth) => {
      if (nth === 2) throw unavailable('the broker is lost');
    });
    expect(await redriveMany(parts, broker, command)).toEqual({
      ...{ redriven: ['job-1'], failed: [], cursor: '2-101' },
    });
  });
});
