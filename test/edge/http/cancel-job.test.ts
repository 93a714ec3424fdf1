import { describe, expect, it } from 'vitest';
import { AS_GLOBEX, job, problemIn, setup } from './app-support.ts';

const remove = { method: 'DELETE' };

describe('DELETE /v1/jobs/{id}', () => {
  it('is answered 200 with the cancelled job, and asks the bridge as the tenant of the key', async () => {
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

  it('is answered 202 with a job that its worker was asked to end', async () => {
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
    'is answered for %s as GET is, when there is no such job',
    async (id) => {
      const { send } = await setup();
      const deleted = await send(`/v1/jobs/${id}`, remove);
      const got = await send(`/v1/jobs/${id}`);
      expect([deleted.status, await deleted.text()]).toEqual([404, await got.text()]);
    },
  );
});
