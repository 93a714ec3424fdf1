import { beforeAll, expect, it } from 'vitest';
import { OutboxList } from '../../../shared/api/answers/outbox.ts';
import { Job } from '../../../shared/job/job.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const ECHO = { operation: 'echo', input: 'now' };
const LATER = { operation: 'echo', input: 'later', delay: '1h' };

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
  await stack.run('echo', 'before');
});

async function read(id: string): Promise<Job> {
  return await bodyOf(Job, stack.call(`/v1/jobs/${id}`));
}

it('of two requests with one key at the same moment, only one is taken, even if only one of them is delayed', async () => {
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const key = { 'idempotency-key': `moment-${n}` };
      const answers = await Promise.all([stack.submit(ECHO, key), stack.submit(LATER, key)]);
      return answers.map(({ status }) => status).sort();
    }),
  );
  expect(statuses).toEqual(statuses.map(() => [202, 422]));
});

/** What chooses the id of a job besides its key. */
const WAYS = [{}, { orderingKey: 'a' }, { orderingKey: 'b' }, { unique: true }];
/** A unique key of its own, since another job of one would be the answer. */
const fieldsOf = (way: (typeof WAYS)[number], key: string): object =>
  'unique' in way ? { unique: { key, while: 'queued' } } : way;

it('requests with one key that differ in their ordering key or unique key are one job, in any order and at the same moment', async () => {
  const pairs = WAYS.flatMap((one) =>
    WAYS.filter((other) => other !== one).map((other) => [one, other] as const),
  );
  for (const [place, [one, other]] of pairs.entries()) {
    const key = `ways-${place}`;
    const send = (way: (typeof WAYS)[number]): Promise<Response> =>
      stack.submit({ ...ECHO, ...fieldsOf(way, key) }, { 'idempotency-key': key, prefer: 'wait=20' });
    const { id } = await bodyOf(Job, send(one));
    expect((await send(other)).status).toBe(422);
    expect(await (await send(one)).json()).toMatchObject({ id, state: 'succeeded' });
  }
  const statuses = await Promise.all(
    pairs.map(async (pair, place) => {
      const key = `moment-ways-${place}`;
      const answers = pair.map((way) =>
        stack.submit({ ...ECHO, ...fieldsOf(way, key) }, { 'idempotency-key': key }),
      );
      return (await Promise.all(answers)).map(({ status }) => status).sort();
    }),
  );
  expect(statuses).toEqual(statuses.map(() => [202, 422]));
});

it('a request that comes in an outage with the key of another one is no job, whatever its delay and its ordering key', async () => {
  const key = { 'idempotency-key': 'outage' };
  const ordered = { 'idempotency-key': 'outage-ordered' };
  const { id } = await bodyOf(Job, stack.submit(LATER, key));
  const first = await bodyOf(Job, stack.submit({ ...LATER, orderingKey: 'a' }, ordered));
  await stack.nats.kill('SIGKILL');
  expect((await stack.submit(ECHO, key)).status).toBe(202);
  expect((await stack.submit({ ...ECHO, orderingKey: 'b' }, ordered)).status).toBe(202);
  await stack.nats.restart();
  const jobs = await until('the outbox to be sent', async () => {
    const { jobs } = await bodyOf(OutboxList, stack.call('/v1/outbox'));
    return jobs.every(({ state }) => state !== 'pending') && jobs;
  });
  expect(jobs).toMatchObject([id, first.id].map((jobId) => ({ jobId, state: 'rejected' })));
  for (const each of [id, first.id]) expect(await read(each)).toMatchObject({ id: each, state: 'queued' });
});
