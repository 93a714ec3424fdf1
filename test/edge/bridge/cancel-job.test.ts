import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BridgeParts } from '../../../edge/bridge/bridge-parts.ts';
import { cancelJob, cancelJobs } from '../../../edge/bridge/cancel-job.ts';
import { publishEvent } from '../../../edge/jobs/publish-event.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { makeEvent } from '../../../shared/job/event.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { command, QUOTAS, setup } from './submit-support.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('a cancel waits for the worker as long as its caller asked, also if the outbox still has the job', async () => {
  const { submit, outbox, broker, connection } = setup();
  const spec = { maxAttempts: 5 };
  const { tenant, jobId, operation, acceptedAt } = command('job-1', spec);
  await submit(command(jobId, spec));
  const job = { tenant, jobId, operation, acceptedAt, spec, carrier: {} };
  // NATS has the job, but its answer was lost.
  outbox.add(job, writeJson(1), 'unanswered', QUOTAS);
  const facts = { attempt: 1, worker: 'w', traceId: '', spanId: '', startedAt: acceptedAt };
  await publishEvent(broker, job, makeEvent('started', job, facts), 0, {});
  const waitMs = 10_000;
  const endsAfterMs = connection.patienceMs + 2_000;
  const error = { code: 'job-cancelled', message: 'the job was cancelled' } as const;
  setTimeout(() => {
    void publishEvent(broker, job, makeEvent('cancelled', job, { ...facts, error }), 1, {});
  }, endsAfterMs);
  const scheduler = { added: vi.fn() };
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const bridge = { name: 'bridge', connection, log, outbox, scheduler: scheduler as never };
  const began = Date.now();
  const cancelled = cancelJob(bridge, { tenant, jobId, waitMs }).then((answer) => ({
    answer,
    ms: Date.now() - began,
  }));
  await vi.advanceTimersByTimeAsync(waitMs);
  expect(await cancelled).toMatchObject({ ms: endsAfterMs, answer: { job: { state: 'cancelled' } } });
});

it('a cancel of a job that NATS has forgotten, and that the outbox keeps until its end, is taken: the job is not sent again', async () => {
  const { connection, outbox } = setup();
  const { tenant, jobId, operation, acceptedAt } = command('job-1');
  outbox.addPublished(
    { tenant, jobId, operation, acceptedAt, spec: { maxAttempts: 5 }, carrier: {} },
    writeJson(1),
    0,
  );
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const bridge = { name: 'bridge', connection, log, outbox, scheduler: { added: vi.fn() } as never };
  const answer = await cancelJob(bridge, { tenant, jobId, waitMs: 0 });
  expect(answer).toMatchObject({ job: { id: jobId }, tooLate: false });
  expect(outbox.findPending(tenant, jobId)).toHaveProperty('cancelledAt', expect.any(String));
});

it('a cancel hears of an end that is recorded between its first look at the job and the moment when it listens', async () => {
  const { submit, broker, connection, outbox } = setup();
  const spec = { maxAttempts: 5 };
  const { tenant, jobId, operation, acceptedAt } = command('job-1', spec);
  await submit(command(jobId, spec));
  const job = { tenant, jobId, operation, acceptedAt, spec, carrier: {} };
  const facts = { attempt: 1, worker: 'w', traceId: '', spanId: '', startedAt: acceptedAt };
  await publishEvent(broker, job, makeEvent('started', job, facts), 0, {});
  broker.before('subscribe', () => {
    void publishEvent(broker, job, makeEvent('succeeded', job, { ...facts, result: 1 }), 1, {});
  });
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const bridge = { name: 'bridge', connection, log, outbox, scheduler: { added: vi.fn() } as never };
  const answered = cancelJob(bridge, { tenant, jobId, waitMs: 5_000 });
  await vi.advanceTimersByTimeAsync(4_000);
  expect(await Promise.race([answered, 'no answer'])).toMatchObject({
    job: { state: 'succeeded' },
    tooLate: true,
  });
});

it('the end of a job whose message names no trace, and its callback, are in the trace of the last attempt', async () => {
  const { broker, connection, outbox } = setup();
  const job = { tenant: 'acme', jobId: 'job-1', operation: 'echo', acceptedAt: new Date().toISOString() };
  await broker.publish(
    'jobs.normal.p2.acme.job-1.echo',
    (set) => set('throughline-callback-url', 'https://a.example/'),
    writeJson(1),
  );
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const facts = { attempt: 1, worker: 'w', traceId, spanId: '00f067aa0ba902b7' };
  const error = { code: 'operation-failed', message: 'busy' } as const;
  const retrying = makeEvent(
    'retrying',
    { ...job, spec: { maxAttempts: 5 } },
    { ...facts, error, retryInMs: 9 },
  );
  await publishEvent(broker, job, retrying, 0, {});
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const bridge = { name: 'bridge', connection, log, outbox, scheduler: { added: vi.fn() } as never };
  const answer = await cancelJob(bridge, { tenant: 'acme', jobId: 'job-1', waitMs: 0 });
  expect(answer?.job).toMatchObject({ state: 'cancelled', traceId });
  const isOut = ({ subject }: { readonly subject: string }) => subject === 'callbacks.acme.job-1';
  await vi.waitUntil(() => broker.published.some(isOut));
  const parents = broker.published.slice(-2).map(({ headers }) => headers.values('traceparent')[0]);
  expect(parents).toEqual([`00-${traceId}-${facts.spanId}-00`, `00-${traceId}-${facts.spanId}-00`]);
});

describe('the message of a queued job', () => {
  /** A queued job, in a NATS that answers a removal when the test says so. */
  async function queuedJob() {
    const { submit, outbox, broker, connection } = setup();
    await submit(command('job-1'));
    const removal = Promise.withResolvers<void>();
    const remove = broker.remove.bind(broker);
    vi.spyOn(broker, 'remove').mockImplementation(async (stream, sequence) => {
      await removal.promise;
      await remove(stream, sequence);
    });
    const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const bridge = {
      name: 'bridge',
      connection,
      log,
      outbox,
      scheduler: { added: vi.fn() },
    } as unknown as BridgeParts;
    const messages = () => broker.stream('JOBS').from('jobs.>', 0).length;
    return { bridge, removal, messages, log };
  }

  it('is removed after the answer to its cancel', async () => {
    const { bridge, removal, messages } = await queuedJob();
    const answer = await cancelJob(bridge, { tenant: 'acme', jobId: 'job-1', waitMs: 0 });
    expect([answer?.job.state, messages()]).toEqual(['cancelled', 1]);
    removal.resolve();
    await vi.waitUntil(() => messages() === 0);
  });

  it('stays for a worker, which finds the end, if it cannot be removed', async () => {
    const { bridge, removal, messages, log } = await queuedJob();
    const answer = await cancelJob(bridge, { tenant: 'acme', jobId: 'job-1', waitMs: 0 });
    removal.reject(new Error('NATS is away'));
    await vi.waitUntil(() => log.warn.mock.calls.length === 1);
    expect([answer?.job.state, messages()]).toEqual(['cancelled', 1]);
  });

  it('leaves a line of what went wrong if the bridge itself fails', async () => {
    const { bridge, log } = await queuedJob();
    vi.spyOn(bridge.connection, 'use').mockRejectedValue(new ThroughlineError('internal', 'a fault of ours'));
    const answer = await cancelJobs(bridge, { tenant: 'acme', jobIds: ['job-1'] });
    expect(answer).toEqual(['internal']);
    expect(log.error.mock.calls).toEqual([['a cancel failed', { reason: 'a fault of ours' }]]);
  });

  it('is removed before the answer to a cancel of many', async () => {
    const { bridge, removal, messages } = await queuedJob();
    const answering = cancelJobs(bridge, { tenant: 'acme', jobIds: ['job-1'] });
    const answered = vi.fn();
    void answering.then(answered);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([answered.mock.calls.length, messages()]).toEqual([0, 1]);
    removal.resolve();
    expect([await answering, messages()]).toEqual([['cancelled'], 0]);
  });
});
