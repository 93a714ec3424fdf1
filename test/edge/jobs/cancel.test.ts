import { describe, expect, it } from 'vitest';
import { cancelledEvent, isDelivered } from '../../../edge/jobs/cancel.ts';
import { JobEvent, jobOfEvent } from '../../../shared/job/event.ts';
import { AS_GLOBEX, job, problemIn, setup } from '../http/app-support.ts';

const remove = { method: 'DELETE' };

describe('DELETE /v1/jobs/{id}', () => {
  it('is answered 200 with a job that is cancelled, and asks the bridge as the tenant of the key', async () => {
    const asked: unknown[] = [];
    const { send } = await setup({
      cancel: (command) => {
        asked.push(command);
        return { job: job({ state: 'cancelled' }), tooLate: false };
      },
    });
    const response = await send('/v1/jobs/job-1', remove);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(job({ state: 'cancelled' }));
    await send('/v1/jobs/job-1', { ...remove, headers: { ...AS_GLOBEX, prefer: 'wait=5' } });
    expect(asked).toEqual([
      { tenant: 'acme', jobId: 'job-1', waitMs: 0 },
      { tenant: 'globex', jobId: 'job-1', waitMs: 5_000 },
    ]);
  });

  it('is answered 202 with a job whose worker was told', async () => {
    const { send } = await setup({ cancel: () => ({ job: job({ state: 'running' }), tooLate: false }) });
    const response = await send('/v1/jobs/job-1', { ...remove, headers: { prefer: 'wait=1' } });
    expect(response.status).toBe(202);
    expect(response.headers.get('preference-applied')).toBe('wait=1');
  });

  it('is answered 409 with the state of a job that had ended', async () => {
    const { send } = await setup({ cancel: () => ({ job: job({ state: 'failed' }), tooLate: true }) });
    const response = await send('/v1/jobs/job-1', remove);
    expect(response.status).toBe(409);
    expect(await problemIn(response)).toMatchObject({ code: 'job-finished', state: 'failed' });
  });

  it.each(['job-1', 'no%20token', '%00', '*'])(
    'is answered for %s as GET is, where there is none',
    async (id) => {
      const { send } = await setup();
      const [deleted, got] = [await send(`/v1/jobs/${id}`, remove), await send(`/v1/jobs/${id}`)];
      expect([deleted.status, await deleted.text()]).toEqual([404, await got.text()]);
    },
  );
});

describe('a message', () => {
  const message = { subject: 'jobs.acme.job-1.image.thumbnail', sequence: 7 };

  it.each<[string, Parameters<typeof isDelivered>[0], boolean]>([
    ['no consumer takes', [], false],
    ['its consumer has not reached', [{ filter: 'jobs.>', delivered: 6 }], false],
    ['its consumer has reached', [{ filter: 'jobs.>', delivered: 7 }], true],
    ['only the consumer of others has passed', [{ filter: 'jobs.*.*.video.>', delivered: 9 }], false],
  ])('that %s: delivered %s', (_what, consumers, delivered) => {
    expect(isDelivered(consumers, message)).toBe(delivered);
  });
});

describe('the end of a job that no worker has', () => {
  it('keeps what its last event said, and leaves out what is over', () => {
    const at = '2026-01-01T00:00:00.000Z';
    const event: JobEvent = {
      kind: 'retrying',
      jobId: 'job-1',
      operation: 'echo',
      attempt: 2,
      maxAttempts: 5,
      released: 1,
      acceptedAt: at,
      startedAt: at,
      at,
      worker: 'w',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
      progress: { fraction: 0.5 },
      error: { code: 'operation-failed', message: 'busy' },
      retryInMs: 500,
    };
    const record = { queued: undefined, delayed: undefined, event, lastSequence: 9 };
    const end = cancelledEvent('bridge-0', record);
    const { progress: _, retryInMs: __, ...kept } = event;
    expect(JobEvent.parse(end)).toEqual({
      ...kept,
      kind: 'cancelled',
      at: end.at,
      worker: 'bridge-0',
      error: { code: 'job-cancelled', message: expect.any(String) },
    });
    expect(jobOfEvent(end)).toMatchObject({ state: 'cancelled', attempt: 2, finishedAt: end.at });
  });
});
