import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});

async function read(id: string): Promise<Job> {
  return Job.parse(await (await stack.call(`/v1/jobs/${id}`)).json());
}

function ended(id: string): Promise<Job> {
  return until(`job ${id} to end`, async () => {
    const job = await read(id);
    return job.finishedAt !== undefined && job;
  });
}

describe('a delayed job', () => {
  it.each([
    ['a duration', () => '1200ms'],
    ['an instant', () => new Date(Date.now() + 1_200).toISOString()],
  ])('given as %s waits for its time, in the trace of its caller', async (_, delay) => {
    const response = await stack.submit(
      { operation: 'echo', input: 'later', delay: delay() },
      { traceparent: TRACEPARENT, baggage: 'user=ann' },
    );
    expect(response.status).toBe(202);
    const job = Job.parse(await response.json());
    expect(job).toMatchObject({ state: 'queued', dueAt: expect.any(String) });
    expect(await read(job.id)).toMatchObject(job);

    const done = await ended(job.id);
    expect(done).toMatchObject({ state: 'succeeded', result: 'later', attempt: 1, traceId: job.traceId });
    expect(Date.parse(done.startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(job.dueAt ?? ''));
    expect(job.traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    const named = (wanted: string) => (span: { name: string; attributes: Record<string, unknown> }) =>
      shortName(span) === wanted && span.attributes['throughline.job.id'] === job.id;
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (all) => all.some(named('send echo')) && all.some(named('process echo')),
      60_000,
    );
    const send = spans.find(named('send echo'));
    const process = spans.find(named('process echo'));
    expect(process?.parentSpanId).toBe(send?.spanId);
  });

  it('whose time is past runs immediately', async () => {
    const response = await stack.submit(
      { operation: 'echo', input: 1, delay: '2020-01-01T00:00:00Z' },
      { prefer: 'wait=30' },
    );
    expect(response.status).toBe(200);
  });

  it('leaves the stream of delayed jobs when its time comes', async () => {
    const response = await stack.submit({ operation: 'echo', input: 1, delay: '300ms' });
    const { id } = Job.parse(await response.json());
    await ended(id);
    const nats = await connect({ servers: stack.nats.url });
    try {
      const { state } = await (await jetstreamManager(nats)).streams.info('DELAYED', {
        subjects_filter: 'delayed.>',
      });
      expect(state.subjects ?? {}).toEqual({});
    } finally {
      await nats.close();
    }
  });

  it('sent twice with one idempotency key is one job', async () => {
    const send = async () =>
      Job.parse(
        await (
          await stack.submit({ operation: 'echo', input: 1, delay: '60s' }, { 'idempotency-key': 'later-1' })
        ).json(),
      );
    const first = await send();
    const second = await send();
    expect(second.id).toBe(first.id);
    expect(second.dueAt).toBe(first.dueAt);
  });

  it.each([
    'soon',
    '-5s',
    '31d',
    '2126-01-01T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-01T00:00:00',
    '2026-01-01',
  ])('of %j is refused', async (delay) => {
    const response = await stack.submit({ operation: 'echo', input: 1, delay });
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({ violations: [{ path: '/delay' }] });
  });
});

describe('a delayed job', () => {
  it('that is cancelled before its time never runs, and shows as cancelled', async () => {
    const response = await stack.submit({ operation: 'echo', input: 1, delay: '700ms' });
    const job = Job.parse(await response.json());
    const cancelled = await stack.call(`/v1/jobs/${job.id}`, { method: 'DELETE' });
    expect(cancelled.status).toBe(200);
    expect(Job.parse(await cancelled.json())).toMatchObject({
      state: 'cancelled',
      attempt: 0,
      traceId: job.traceId,
    });
    // A later job with the same delay has run, so the time of the first one has passed.
    const later = await stack.submit({ operation: 'echo', input: 2, delay: '700ms' }, { prefer: 'wait=30' });
    expect(later.status).toBe(200);
    expect(await read(job.id)).toMatchObject({ state: 'cancelled' });
    const executed = stack.logs().filter(({ msg, job_id }) => msg === 'job started' && job_id === job.id);
    expect(executed).toEqual([]);
  });
});
