import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import type { ThroughlineError } from '../../../shared/errors.ts';
import type { EventKind, JobEvent } from '../../../shared/job/event.ts';
import { BrokerRetry } from '../../../worker-node/broker/broker-retry.ts';
import { EventPublisher } from '../../../worker-node/broker/event-publisher.ts';
import { JobRecords } from '../../../worker-node/broker/job-record.ts';
import { StoredPublisher } from '../../../worker-node/broker/stored-publisher.ts';
import { eventOf } from '../../../worker-node/jobs/attempt/attempt.ts';
import { AttemptAbort } from '../../../worker-node/jobs/attempt/attempt-abort.ts';
import { EventChain } from '../../../worker-node/jobs/attempt/event-chain.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { eventsByJob } from '../../support/nats/stored.ts';
import { until } from '../../support/poll.ts';
import { attempt, IDLE, quiet } from '../../unit/worker-node/support.ts';

let server: NatsServer;
let nats: NatsConnection;
let manager: JetStreamManager;
let jobs = 0;
beforeAll(async () => {
  server = await startTestNats();
  nats = await connect({ servers: server.url });
  manager = await jetstreamManager(nats);
  await manager.streams.add({ name: 'EVENTS', subjects: ['events.>'] });
  await manager.streams.add({ name: 'CANCELS', subjects: ['cancel.>'] });
});
afterAll(async () => {
  await nats.close();
  await server.stop();
});

/** One attempt at a job by a worker of its own. For this worker, `last` is the sequence of the job's last event. */
function attemptAt(jobId: string, worker: string, last = 0) {
  const retry = new BrokerRetry({ log: quiet, patience: IDLE });
  const events = new EventPublisher(new StoredPublisher(jetstream(nats), retry, worker));
  const base = attempt();
  const of = attempt({
    job: { ...base.job, address: { ...base.job.address, jobId } },
    startedAt: new Date(jobs++).toISOString(),
  });
  const abort = new AttemptAbort();
  const parts = { events, records: new JobRecords(manager, retry), log: quiet, worker };
  const chain = new EventChain(parts, of, last, abort);
  const event = (kind: EventKind, more: Partial<JobEvent> = {}): JobEvent => ({
    ...eventOf(of, kind, worker),
    ...more,
  });
  const superseded = (): ThroughlineError | undefined => abort.signal.reason;
  return { chain, event, superseded };
}

const newJob = (): string => `job-${++jobs}`;

async function kindsOf(jobId: string): Promise<string[]> {
  const history = (await eventsByJob(nats)).get(jobId) ?? [];
  return history.map(({ kind, worker }) => `${kind} by ${worker}`);
}

describe('two attempts at one job (W4, T3)', () => {
  it('cannot both start after the same event', async () => {
    const jobId = newJob();
    const one = attemptAt(jobId, 'one');
    const two = attemptAt(jobId, 'two');
    expect(await one.chain.claim(one.event('started'))).toBe(await lastOf(jobId));
    expect(await two.chain.claim(two.event('started'))).toMatchObject({ event: { worker: 'one' } });
    expect(await kindsOf(jobId)).toEqual(['started by one']);
  });

  it('cannot both end it, whatever their outcomes', async () => {
    for (const kind of ['succeeded', 'failed', 'cancelled', 'retrying', 'released'] as const) {
      const jobId = newJob();
      const one = attemptAt(jobId, 'one');
      const two = attemptAt(jobId, 'two');
      await one.chain.claim(one.event('started'));
      expect(await two.chain.record(two.event('succeeded'))).toBe('ours');
      expect(await one.chain.record(one.event(kind))).toBe('ended');
      expect(await one.chain.ownership()).toBe('ended');
      expect(await kindsOf(jobId)).toEqual(['started by one', 'succeeded by two']);
    }
  });

  it('leave it to the later one to record that the job goes on', async () => {
    const jobId = newJob();
    const one = attemptAt(jobId, 'one');
    await one.chain.claim(one.event('started'));
    const two = attemptAt(jobId, 'two', (await lastOf(jobId)) ?? 0);
    await two.chain.claim(two.event('started', { attempt: 2 }));
    expect(await one.chain.record(one.event('retrying'))).toBe('superseded');
    expect(await two.chain.record(two.event('retrying', { attempt: 2 }))).toBe('ours');
    expect(await kindsOf(jobId)).toEqual(['started by one', 'started by two', 'retrying by two']);
  });

  it('have one end: the first that is stored, even if it is that of the earlier one', async () => {
    for (const kind of ['succeeded', 'failed', 'cancelled'] as const) {
      const jobId = newJob();
      const one = attemptAt(jobId, 'one');
      await one.chain.claim(one.event('started'));
      const two = attemptAt(jobId, 'two', (await lastOf(jobId)) ?? 0);
      await two.chain.claim(two.event('started', { attempt: 2 }));
      expect(await one.chain.record(one.event(kind))).toBe('ours');
      await two.chain.look();
      expect(two.superseded()).toMatchObject({ code: 'attempt-superseded', message: 'the job has ended' });
      expect(await two.chain.record(two.event('succeeded', { attempt: 2 }))).toBe('ended');
      expect(await kindsOf(jobId)).toEqual(['started by one', 'started by two', `${kind} by one`]);
    }
  });

  it('have fences, and that of the later one is higher, also after a redrive', async () => {
    const jobId = newJob();
    const fences: unknown[] = [];
    for (const [worker, attempt, redriveCount] of [
      ['one', 1],
      ['two', 2],
      ['three', 1, 1],
    ] as const) {
      const { chain, event } = attemptAt(jobId, worker, (await lastOf(jobId)) ?? 0);
      fences.push(await chain.claim(event('started', { attempt, redriveCount })));
    }
    expect(fences.every(Number.isSafeInteger)).toBe(true);
    expect(fences).toEqual(fences.toSorted((left, right) => Number(left) - Number(right)));
    expect(new Set(fences).size).toBe(3);
  });

  it('end the earlier one as soon as it looks', async () => {
    const jobId = newJob();
    const one = attemptAt(jobId, 'one');
    await one.chain.claim(one.event('started'));
    await one.chain.look();
    expect(one.superseded()).toBeUndefined();
    const two = attemptAt(jobId, 'two', (await lastOf(jobId)) ?? 0);
    await two.chain.claim(two.event('started', { attempt: 2 }));
    await one.chain.look();
    await two.chain.look();
    expect(one.superseded()).toMatchObject({ message: 'another attempt has the job' });
    expect(two.superseded()).toBeUndefined();
  });

  it('do not both report progress: the earlier one is refused, and its signal aborts', async () => {
    const jobId = newJob();
    const one = attemptAt(jobId, 'one');
    const two = attemptAt(jobId, 'two');
    await one.chain.claim(one.event('started'));
    await two.chain.record(two.event('succeeded'));
    one.chain.recordProgress(one.event('progress'));
    const cause = await until('the first attempt to know', one.superseded);
    expect(cause.code).toBe('attempt-superseded');
    expect(await one.chain.record(one.event('succeeded'))).toBe('ended');
    expect(await kindsOf(jobId)).toEqual(['started by one', 'succeeded by two']);
  });
});

describe('an attempt', () => {
  it('writes in order, and keeps the last of many reports at the same time', async () => {
    const jobId = newJob();
    const { chain, event } = attemptAt(jobId, 'one');
    await chain.claim(event('started'));
    for (let n = 1; n <= 9; n++) chain.recordProgress(event('progress', { at: new Date(n).toISOString() }));
    await chain.ownership();
    expect(await chain.record(event('succeeded'))).toBe('ours');
    expect(await kindsOf(jobId)).toEqual(['started by one', 'progress by one', 'succeeded by one']);
  });

  it('recognizes its own event after the acknowledgement was lost', async () => {
    const jobId = newJob();
    const { chain, event } = attemptAt(jobId, 'one');
    await chain.claim(event('started'));
    await chain.record(event('succeeded'));
    expect(await chain.record(event('succeeded'))).toBe('ours');
    expect(await kindsOf(jobId)).toEqual(['started by one', 'succeeded by one']);
  });

  it('ends its job in a stream that was purged, though the broker remembers the message ids (W14)', async () => {
    const jobId = newJob();
    const one = attemptAt(jobId, 'one');
    const two = attemptAt(jobId, 'two');
    await one.chain.claim(one.event('started'));
    await one.chain.record(one.event('succeeded'));
    await manager.streams.purge('EVENTS');
    expect(await two.chain.claim(two.event('started'))).toMatchObject({ lastSequence: 0 });
    expect(await two.chain.record(two.event('succeeded'))).toBe('ours');
    expect(await kindsOf(jobId)).toEqual(['succeeded by two']);
  });
});

async function lastOf(jobId: string): Promise<number | undefined> {
  const message = await manager.streams.getMessage('EVENTS', { last_by_subj: `events.acme.${jobId}` });
  return message?.seq;
}
