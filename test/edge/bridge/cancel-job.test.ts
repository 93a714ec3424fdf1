import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { cancelJob } from '../../../edge/bridge/cancel-job.ts';
import { publishEvent } from '../../../edge/jobs/publish-event.ts';
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
  const cancelled = cancelJob(bridge, { tenant, jobId, waitMs, carrier: {} }).then((answer) => ({
    ...{ answer, ms: Date.now() - began },
  }));
  await vi.advanceTimersByTimeAsync(waitMs);
  expect(await cancelled).toMatchObject({ ms: endsAfterMs, answer: { job: { state: 'cancelled' } } });
});
