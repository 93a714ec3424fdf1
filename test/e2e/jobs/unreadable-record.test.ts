import { jetstream } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { DeadLetterDetail } from '../../../shared/api/answers/dead-letter.ts';
import { JobPage } from '../../../shared/api/answers/job-list.ts';
import { Job } from '../../../shared/job/job.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { metricOf } from '../../support/http/metrics.ts';
import { connectTo, jobEnded, submitJob } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';

/** What another program may write to the subject of a job's events. */
const UNREADABLE: [string, unknown, Record<string, string>][] = [
  [
    'an event with a pause that is null',
    { kind: 'retrying', attempt: 1, retryInMs: null },
    { 'ce-type': 'dev.throughline.job.retrying' },
  ],
  ['another JSON', { hello: 1 }, {}],
];

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ operationsFolder: 'test/fixtures/operations', tracing: false });
});

/** A job in the queue whose last event cannot be read. No worker runs. */
async function jobWithNoise(body: unknown, fields: Record<string, string>, key: string): Promise<Job> {
  const response = await stack.submit({ operation: 'echo', input: key }, { 'idempotency-key': key });
  const job = Job.parse(await response.json());
  const nats = await connectTo(stack);
  const noise = headers();
  for (const [name, value] of Object.entries(fields)) noise.set(name, value);
  await jetstream(nats).publish(`events.demo.${job.id}`, JSON.stringify(body), { headers: noise });
  return job;
}

describe('W17: a job whose last event cannot be read', () => {
  it.each(UNREADABLE)(
    'is a clear answer everywhere, never "no such job", and the next worker ends it: %s',
    async (_what, body, fields) => {
      const key = `key-${Object.keys(fields).length}`;
      await stack.worker.kill('SIGKILL');
      const job = await jobWithNoise(body, fields, key);
      const path = `/v1/jobs/${job.id}`;
      for (const [url, init] of [
        [path, {}],
        [`${path}/events`, {}],
        [`${path}/events`, { headers: { accept: 'text/event-stream' } }],
        [path, { method: 'DELETE' }],
      ] as const) {
        const response = await stack.call(url, init);
        expect(response.status).toBe(502);
        expect(await problemOf(response)).toMatchObject({
          code: 'record-unreadable',
          detail: 'the last event of the job cannot be read',
        });
      }
      const again = await stack.submit({ operation: 'echo', input: key }, { 'idempotency-key': key });
      expect([again.status, (await problemOf(again)).code]).toEqual([502, 'record-unreadable']);
      await until('the list to show it', async () => {
        const { jobs } = await bodyOf(JobPage, stack.call('/v1/jobs'));
        return jobs.find(({ id }) => id === job.id)?.error?.code === 'record-unreadable';
      });

      const worker = await stack.addWorker();
      const ended = await jobEnded(stack, job.id);
      expect(ended).toMatchObject({
        state: 'failed',
        attempt: 0,
        error: { code: 'record-unreadable' },
        attempts: [],
      });
      const letter = DeadLetterDetail.parse(await (await stack.call(`/v1/dead-letters/${job.id}`)).json());
      expect(letter).toMatchObject({ reason: 'record-unreadable', attempts: 0, input: key });
      expect(await metricOf(worker.healthUrl, 'throughline_jobs_record_unreadable_total')).toBe(1);
      await worker.stop();
    },
  );

  it('ends although it is running, and the operation does not run again', async () => {
    const worker = await stack.addWorker({ WORKER_ACK_WAIT_MS: '1000' });
    const job = await submitJob(stack, 'test.author', { how: 'retry after', value: 'fraction' });
    await until('the first attempt to end', async () => {
      const response = await stack.call(`/v1/jobs/${job.id}`);
      return (await bodyOf(Job, response)).state === 'retrying';
    });
    await jetstream(await connectTo(stack)).publish(`events.demo.${job.id}`, 'noise');
    const ended = await until('the job to end', async () => {
      const response = await stack.call(`/v1/jobs/${job.id}`);
      return response.status === 200 && Job.parse(await response.json());
    });
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'record-unreadable' } });
    expect(ended.attempts).toMatchObject([{ number: 1, outcome: 'retrying' }]);
    await worker.stop();
  });
});

/** Together they are more than SQLite takes in one text, here and on Cloudflare. */
const LONG = { events: 12, operation: 'x'.repeat(900_000) };

it('W17: events with texts that no job has do not stop the lists of all tenants', async () => {
  const nats = jetstream(await connectTo(stack));
  const at = new Date().toISOString();
  const own = { attempt: 1, maxAttempts: 1, released: 0, worker: 'w', traceId: '', spanId: '' };
  const event = { ...own, kind: 'started', operation: LONG.operation, acceptedAt: at, at };
  await Promise.all(
    Array.from({ length: LONG.events }, (_, place) => {
      const jobId = `long-${place}`;
      return nats.publish(`events.other.${jobId}`, JSON.stringify({ ...event, jobId }));
    }),
  );
  const job = await submitJob(stack, 'echo', 1);
  const page = await until('the list to have read all events', async () => {
    const read = await bodyOf(JobPage, stack.call('/v1/jobs'));
    return read.complete && read;
  });
  expect(page.jobs.map(({ id }) => id)).toContain(job.id);
});
