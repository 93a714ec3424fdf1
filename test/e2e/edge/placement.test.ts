import { expect, it } from 'vitest';
import { acceptedIn, bridgesOf } from '../../support/http/answers.ts';
import { readJob } from '../../support/jobs.ts';
import { withTestStack } from '../../support/stack.ts';

/** Miniflare gives the Worker this location as `request.cf`. */
const IN_BERLIN = { 'mf-cf-blob': JSON.stringify({ continent: 'EU', country: 'DE', longitude: '13.4' }) };

it('a job goes to a bridge of its region and is found there; a job with an idempotency key goes to the bridges for all regions', async () => {
  const stack = await withTestStack({
    edge: { BRIDGE_PLACEMENT: 'region', BRIDGE_SHARDS: '2', LOG_LEVEL: 'debug' },
  });
  const job = await stack.run('echo', 'near', IN_BERLIN);
  expect(job.id).toMatch(/^[0-9a-f-]{36}_weur$/);
  expect((await readJob(stack, job.id)).result).toBe('near');

  const keyed = await stack.run('echo', 'anywhere', { ...IN_BERLIN, 'idempotency-key': 'one' });
  expect(keyed.id).toMatch(/^ik_[0-9a-f]{40}$/);
  const published = await stack.logged(({ msg }) => msg === 'job published', 2);
  expect(published.map(({ job_id }) => job_id)).toEqual([job.id, keyed.id]);

  const bridges = await bridgesOf(stack, { headers: IN_BERLIN });
  expect(bridges.map(({ bridge }) => bridge)).toEqual([
    'bridge-global-0',
    'bridge-global-1',
    'bridge-weur-0',
    'bridge-weur-1',
  ]);
});

it('a region in an id opens no bridge, unless bridges are placed by region', async () => {
  const stack = await withTestStack();
  for (const region of ['apac', 'weur', 'me'])
    expect((await stack.call(`/v1/jobs/0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11_${region}`)).status).toBe(404);
  expect(await stack.logged(({ msg }) => msg === 'connected to NATS')).toHaveLength(1);
});

it('a batch over several bridges is answered in its order', async () => {
  const stack = await withTestStack({ edge: { BRIDGE_SHARDS: '4' } });
  const jobs = Array.from({ length: 20 }, (_, input) => ({ operation: 'echo', input }));
  const response = await stack.call('/v1/jobs/batch', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jobs }),
  });
  const ended = await Promise.all(
    (await acceptedIn(response)).map(async ({ id }) => {
      const events = await stack.call(`/v1/jobs/${id}/events`, {
        headers: { accept: 'text/event-stream' },
      });
      await events.text();
      return (await readJob(stack, id)).result;
    }),
  );
  expect(ended).toEqual(jobs.map(({ input }) => input));
});
