import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Problem } from '../../../shared/api/answers/problem.ts';
import { Job } from '../../../shared/job/job.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ operationsFolder: 'examples/operations' });
});

const wait = { prefer: 'wait=30' };
const withKey = (key: string, more: Record<string, string> = {}) => ({ 'idempotency-key': key, ...more });

/** How many messages the queue ever took. */
async function accepted(): Promise<number> {
  const nats = await connect({ servers: stack.nats.url });
  try {
    return (await (await jetstreamManager(nats)).streams.info('JOBS')).state.last_seq;
  } finally {
    await nats.close();
  }
}

describe('an idempotency key', () => {
  it('makes a second submission the same job, in its current state, marked as a replay', async () => {
    const body = { operation: 'echo', input: { a: 1, b: [2, 3] } };
    const first = await stack.submit(body, withKey('order-1', wait));
    const job = Job.parse(await first.json());
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    const before = await accepted();
    // The same request, written differently.
    const again = await stack.submit({ input: { b: [2, 3], a: 1 }, operation: 'echo' }, withKey('"order-1"'));
    expect(again.status).toBe(200);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(Job.parse(await again.json())).toEqual(job);
    expect(await accepted()).toBe(before);
  });

  it('A1: is refused with 422 for another request', async () => {
    await stack.submit({ operation: 'echo', input: 1 }, withKey('order-2', wait));
    const response = await stack.submit({ operation: 'echo', input: 2 }, withKey('order-2'));
    expect(response.status).toBe(422);
    expect(await problemOf(response)).toMatchObject({ code: 'idempotency-key-reused' });
  });

  it('A2: sent 50 times at the same instant is one job', async () => {
    const before = await accepted();
    const send = () => stack.submit({ operation: 'echo', input: 'once' }, withKey('order-3', wait));
    const responses = await Promise.all(Array.from({ length: 50 }, send));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    const jobs = await Promise.all(responses.map(async (response) => Job.parse(await response.json())));
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
    expect(new Set(jobs.map(({ result }) => result))).toEqual(new Set(['once']));
    expect(await accepted()).toBe(before + 1);
  });

  it('A1: of two requests at the same instant makes one the job, and refuses the other', async () => {
    const responses = await Promise.all(
      [1, 2].map((input) => stack.submit({ operation: 'echo', input }, withKey('order-4'))),
    );
    expect(responses.map(({ status }) => status).sort()).toEqual([202, 422]);
  });
});

interface BatchAnswer {
  readonly results: readonly { readonly status: number; readonly job?: Job; readonly problem?: Problem }[];
}

async function batch(jobs: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return await stack.call('/v1/jobs/batch', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ jobs }),
  });
}

describe('a batch', () => {
  it('answers each job in order; a bad one does not affect the others', async () => {
    const response = await batch([
      { operation: 'echo', input: 1 },
      { operation: 'ecco', input: 2 },
      { operation: 'text.count', input: { text: 3 } },
      { operation: '*', input: 4 },
      'no job',
      { operation: 'text.count', input: { text: 'two words' } },
    ]);
    expect(response.status).toBe(207);
    const { results } = (await response.json()) as BatchAnswer;
    expect(results.map(({ status }) => status)).toEqual([202, 422, 422, 400, 400, 202]);
    expect(results.map(({ problem }) => problem?.code)).toEqual([
      undefined,
      'operation-unknown',
      'input-invalid',
      'request-invalid',
      'request-invalid',
      undefined,
    ]);
    expect(results[1]?.problem?.suggestions).toEqual(['echo']);
  });

  it('of 100 is one trace: one call to the bridge, a "send" for each job', async () => {
    const response = await batch(Array.from({ length: 100 }, (_, n) => ({ operation: 'echo', input: n })));
    const { results } = (await response.json()) as BatchAnswer;
    expect(results.map(({ status }) => status)).toEqual(Array(100).fill(202));
    const traceId = response.headers.get('traceresponse')?.split('-')[1] ?? '';
    const named = (all: SpanRecord[], wanted: string) =>
      all.filter((span) => shortName(span) === wanted).length;
    const spans = await stack.collector.waitForSpans(
      traceId,
      (all) => named(all, 'send echo') === 100 && named(all, 'bridge/submitBatch') > 0,
      60_000,
    );
    expect(named(spans, 'bridge/submitBatch')).toBe(1);
  });

  it('with an idempotency key makes the same jobs when it is sent again', async () => {
    const jobs = [
      { operation: 'echo', input: 1 },
      { operation: 'echo', input: 2 },
    ];
    const ids = async () => {
      const { results } = (await (await batch(jobs, withKey('batch-1'))).json()) as BatchAnswer;
      return results.map(({ job }) => job?.id);
    };
    const first = await ids();
    expect(new Set(first).size).toBe(2);
    expect(await ids()).toEqual(first);
  });

  it.each([
    ['no list', {}],
    ['an empty list', []],
    ['more than 100 jobs', Array(101).fill({ operation: 'echo', input: 1 })],
  ])('with %s is refused as a whole', async (_, jobs) => {
    const response = await batch(jobs);
    expect(response.status).toBe(400);
    expect((await problemOf(response)).detail).toMatch(/^\/jobs: must/);
  });
});
