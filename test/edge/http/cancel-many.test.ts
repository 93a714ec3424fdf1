import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import { type Answers, AS_GLOBEX, problemIn, setup } from './app-support.ts';

const KEY = createApiKey('images');

/** The app, with a key that may submit and cancel jobs of one operation. */
async function start(answers: Answers = {}) {
  const scopes = ['jobs:write:image.*', 'jobs:cancel'];
  const app = await setup(answers);
  const limited = await setup(answers, {
    API_KEYS: JSON.stringify([{ id: 'images', tenant: 'acme', hash: await hashApiKey(KEY), scopes }]),
  });
  const init = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return {
    ...app,
    cancel: (body: unknown, headers?: Record<string, string>) =>
      app.send('/v1/jobs/cancel', init(body, headers)),
    cancelLimited: (body: unknown) =>
      limited.send('/v1/jobs/cancel', init(body, { authorization: `Bearer ${KEY}` })),
  };
}

describe('POST /v1/jobs/cancel', () => {
  it('cancels the jobs of a page of the list, and says what became of each', async () => {
    const asked: unknown[] = [];
    const { cancel, listed, logged } = await start({
      listed: ['a', 'b', 'c', 'd'],
      cancelMany: (...call) => {
        asked.push(call);
        return ['cancelled', 'stopping', 'job-finished', 'broker-unavailable'];
      },
    });
    const response = await cancel(
      { operation: 'echo', tags: ['night'], state: 'queued', limit: 7 },
      AS_GLOBEX,
    );
    expect([response.status, await response.json()]).toEqual([
      200,
      {
        cancelled: ['a'],
        stopping: ['b'],
        failed: [
          { id: 'c', code: 'job-finished' },
          { id: 'd', code: 'broker-unavailable' },
        ],
        cursor: 'next',
        complete: true,
      },
    ]);
    expect(asked).toEqual([['globex', ['a', 'b', 'c', 'd']]]);
    expect(listed).toEqual([
      {
        tenant: 'globex',
        states: ['queued'],
        operation: 'echo',
        tags: ['night'],
        limit: 7,
        after: undefined,
      },
    ]);
    expect(logged.filter(({ level }) => level === 'audit')).toMatchObject([
      {
        fields: {
          action: 'cancel-many',
          outcome: 'done',
          tenant: 'globex',
          operation: 'echo',
          tags: ['night'],
          job_ids: ['a', 'b'],
          failed: 2,
        },
      },
    ]);
  });

  it('looks at all jobs that have not ended where nothing is said', async () => {
    const { cancel, listed } = await start();
    expect(await (await cancel({})).json()).toEqual({
      cancelled: [],
      stopping: [],
      failed: [],
      complete: true,
    });
    expect(listed).toMatchObject([{ states: ['queued', 'running', 'retrying'], tags: [], limit: 100 }]);
  });

  it('takes jobs that NATS does not know any more out of the list, and says so also if that fails', async () => {
    const forgotten: unknown[] = [];
    const { cancel } = await start({
      listed: ['a', 'b', 'c'],
      cancelMany: () => ['job-unknown', 'cancelled', 'job-unknown'],
      forget: (...call) => {
        forgotten.push(call);
        throw new Error('the index does not implement the method');
      },
    });
    expect(await (await cancel({})).json()).toMatchObject({
      cancelled: ['b'],
      failed: [
        { id: 'a', code: 'job-unknown' },
        { id: 'c', code: 'job-unknown' },
      ],
    });
    expect(forgotten).toEqual([['acme', ['a', 'c']]]);
  });

  it('answers also if the list stands still and forgets nothing', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const called = Promise.withResolvers<void>();
    const { cancel } = await start({
      listed: ['a'],
      cancelMany: () => ['job-unknown'],
      forget: () => {
        called.resolve();
        return new Promise(() => undefined);
      },
    });
    const answer = cancel({});
    await called.promise;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await (await answer).json()).toMatchObject({ failed: [{ id: 'a', code: 'job-unknown' }] });
  });

  it('is refused as a whole when no job could be cancelled, so that it can be sent again', async () => {
    const { cancel, logged } = await start({
      listed: ['a', 'b'],
      cancelMany: () => ['broker-unavailable', 'broker-unavailable'],
    });
    const response = await cancel({});
    expect([response.status, (await problemIn(response)).code]).toEqual([503, 'broker-unavailable']);
    expect(logged.filter(({ level }) => level === 'audit')).toMatchObject([
      { fields: { action: 'cancel-many', outcome: 'broker-unavailable' } },
    ]);
  });

  it.each([
    [{ state: 'succeeded' }, '/state'],
    [{ tags: [] }, '/tags'],
    [{ limit: 101 }, '/limit'],
    [{ operation: 'A' }, '/operation'],
    [{ cursor: '' }, '/cursor'],
    [{ id: 'job-1' }, '/id'],
  ])('refuses %j, and cancels nothing', async (body, path) => {
    const { cancel, listed } = await start();
    const response = await cancel(body);
    expect(await problemIn(response)).toMatchObject({ status: 400, violations: [{ path }] });
    expect(listed).toEqual([]);
  });

  it('needs an operation from a caller who is limited to operations', async () => {
    const { cancelLimited } = await start();
    const statuses = [{}, { operation: 'echo' }, { operation: 'image.thumb' }].map(
      async (body) => (await cancelLimited(body)).status,
    );
    expect(await Promise.all(statuses)).toEqual([403, 403, 200]);
  });
});
