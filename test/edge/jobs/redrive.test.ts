import { describe, expect, it } from 'vitest';
import { redriveDeadLetter, redriveJob } from '../../../edge/jobs/redrive.ts';
import type { StoredMessage } from '../../../edge/nats/stored-message.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { refusalOf } from '../../unit/support.ts';
import { event, FAIR_JOBS, isJob, setup } from './redrive-setup.ts';
import { deadLetter, type Fields, NEW, OLD, stored, traceparent } from './stored-letters.ts';

/** The message of the job's first redrive. */
const queued = (more: Fields = {}): StoredMessage =>
  stored('jobs.normal.p3.acme.job-1.echo', 9, {
    traceparent: traceparent(NEW),
    'throughline-redrive-count': '1',
    'throughline-previous-trace-ids': OLD,
    ...more,
  });

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

  it('has succeeded although nobody can read what a worker has recorded since', async () => {
    const { broker, redrive, left } = setup({ DEAD: [deadLetter()], EVENTS: [event('failed')] });
    broker.before('publishAfter', () => {
      broker.store('EVENTS', stored('events.acme.job-1', 41, {}, writeJson({ hello: 1 })));
    });
    expect((await redrive()).job).toMatchObject({ state: 'queued', previousTraceIds: [OLD] });
    expect(left()).toEqual([]);
  });

  it('keeps its dead letter until its event is stored, and is finished by the next one', async () => {
    const { broker, redrive, written, left } = setup({ DEAD: [deadLetter()], EVENTS: [event('failed')] });
    broker.fail('publishAfter');
    expect(await refusalOf(redrive)).toMatchObject({ code: 'broker-unavailable' });
    expect([broker.calls('deleteUpTo'), left()]).toEqual([0, ['job-1']]);
    broker.before('publishAfter', () => undefined);
    expect((await redrive()).job.state).toBe('queued');
    expect([written().filter(isJob).length, left()]).toEqual([1, []]);
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
    expect(
      (await redriveDeadLetter(parts, broker, { tenant: 'acme' }, deadLetter(), Promise.resolve())).job,
    ).toMatchObject({
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
