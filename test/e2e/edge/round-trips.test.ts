import { expect, it, onTestFinished } from 'vitest';
import { DistanceProxy } from '../../../dev/machine/distance-proxy.ts';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import type { Job } from '../../../shared/job/job.ts';
import { textOf } from '../../support/docs/pages.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

const PAGE = 'docs/PERFORMANCE.md';
/** Long enough that what the machine needs besides is less than half of it. */
const ROUND_TRIP_MS = 300;
/** A request that the machine delayed looks longer. One whose tenant was counted a moment ago may be shorter. */
const TRIES = 12;

/** The rows of the table in the page: the request, and how many round trips to NATS it needs. */
function promised(): Record<string, number> {
  const [, section = ''] = textOf(PAGE).split('## Round trips to NATS');
  const rows = section.split('\n## ')[0]?.matchAll(/^\| (?<request>[^|]+?) \| (?<trips>\d+) \|/gm) ?? [];
  return Object.fromEntries([...rows].map(({ groups }) => [groups?.request ?? '', Number(groups?.trips)]));
}

async function farFromNats(): Promise<{ stack: TestStack; proxy: DistanceProxy }> {
  const natsWebSocket = await findFreePort();
  const proxy = await DistanceProxy.start(natsWebSocket);
  onTestFinished(() => proxy.stop());
  const stack = await withTestStack({
    ports: { http: 0, nats: 0, natsWebSocket, otlp: 0 },
    edge: { NATS_URL: `ws://127.0.0.1:${proxy.port}` },
    operationsFolder: 'test/fixtures/operations',
  });
  await stack.run('echo', 'before');
  return { stack, proxy };
}

/** A request that is measured: it is prepared while NATS is near. */
type Measured = () => Promise<() => Promise<Response>>;

function requestsTo(stack: TestStack): Record<string, Measured> {
  let keys = 0;
  const newKey = (): Record<string, string> => ({ 'idempotency-key': `key-${++keys}` });
  const idOf = async (response: Response): Promise<string> => ((await response.json()) as Job).id;
  const hanging = { operation: 'test.mode', input: { mode: 'hang' } };
  const echo = { operation: 'echo', input: 1 };
  const ended = async (headers = {}): Promise<string> => (await stack.run('echo', 1, headers)).id;
  const started = async (): Promise<string> => {
    const id = await idOf(await stack.submit(hanging));
    await until('the job to run', async () => {
      const job = (await (await stack.call(`/v1/jobs/${id}`)).json()) as Job;
      return job.state === 'running';
    });
    return id;
  };
  const delayed = async (): Promise<string> =>
    await idOf(await stack.submit({ operation: 'echo', input: 1, delay: '1h' }));
  const dead = async (): Promise<string> => (await stack.run('test.mode', { mode: 'reject' })).id;
  const get = (path: string) => () => stack.call(path);

  return {
    '`GET /v1/dead-letters/{id}`': async () => get(`/v1/dead-letters/${await dead()}`),
    '`POST /v1/dead-letters/{id}/redrive`': async () => {
      const path = `/v1/dead-letters/${await dead()}/redrive`;
      return () => stack.call(path, { method: 'POST' });
    },
    '`POST /v1/jobs`': async () => () => stack.submit(echo),
    '`POST /v1/jobs` with `Prefer: wait`': async () => () => stack.submit(echo, { prefer: 'wait=20' }),
    '`POST /v1/jobs` with a new `Idempotency-Key`': async () => {
      const key = newKey();
      return () => stack.submit(echo, key);
    },
    '`POST /v1/jobs` again, with the `Idempotency-Key` of a job that this bridge has seen at its end':
      async () => {
        const key = newKey();
        await stack.call(`/v1/jobs/${await ended(key)}`);
        return () => stack.submit(echo, key);
      },
    '`POST /v1/jobs/batch`': async () => () =>
      stack.call('/v1/jobs/batch', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jobs: [echo, echo, echo] }),
      }),
    '`GET /v1/jobs/{id}` of a job that waits': async () => get(`/v1/jobs/${await delayed()}`),
    '`GET /v1/jobs/{id}` of a job that has ended': async () => get(`/v1/jobs/${await ended()}`),
    '`GET /v1/jobs/{id}` again, of a job that has succeeded or is cancelled': async () => {
      const path = `/v1/jobs/${await ended()}`;
      await stack.call(path);
      return get(path);
    },
    '`GET /v1/jobs`': async () => get('/v1/jobs'),
    '`GET /v1/jobs/{id}/events`, as JSON': async () => {
      const path = `/v1/jobs/${await ended()}/events`;
      return () => stack.call(path, { headers: { accept: 'application/json' } });
    },
    '`DELETE /v1/jobs/{id}` of a delayed job': async () => {
      const path = `/v1/jobs/${await delayed()}`;
      return () => stack.call(path, { method: 'DELETE' });
    },
    '`GET /v1/operations`': async () => get('/v1/operations'),
    '`GET /v1/usage`': async () => get('/v1/usage'),
    // From here on the tenant has jobs that do not end, so its other jobs may need a look at them.
    '`POST /v1/jobs` again, with the `Idempotency-Key` of a job that runs': async () => {
      const key = newKey();
      await stack.submit(hanging, key);
      return () => stack.submit(hanging, key);
    },
    '`GET /v1/jobs/{id}` of a job that runs': async () => get(`/v1/jobs/${await started()}`),
  };
}

it(`each request needs as many round trips to NATS as ${PAGE} says`, { timeout: 180_000 }, async () => {
  const { stack, proxy } = await farFromNats();
  const requests = requestsTo(stack);
  const expected = promised();
  const counted: Record<string, number> = {};
  for (const [name, prepare] of Object.entries(requests)) {
    for (let tries = 0; tries < TRIES && counted[name] !== expected[name]; tries++) {
      const send = await prepare();
      proxy.setRoundTrip(ROUND_TRIP_MS);
      const since = performance.now();
      const response = await send();
      await response.arrayBuffer();
      counted[name] = Math.floor((performance.now() - since) / ROUND_TRIP_MS);
      expect(response.status, name).toBeLessThan(300);
      proxy.setRoundTrip(0);
    }
  }
  expect(counted).toEqual(expected);
});
