import { randomBytes, randomUUID } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import { jobSubject } from '../../../shared/wire/subjects.ts';
import { connectTo, jobEnded } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const TIME = '2026-01-02T03:04:05.678Z';
const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ operationsFolder: 'test/fixtures/operations' });
});

/** Publishes a job message as another program would, and waits for the job's end. */
async function run(operation: string, lines: Readonly<Record<string, string>>, body: string): Promise<Job> {
  const jobId = randomUUID();
  const message = headers();
  for (const [name, value] of Object.entries(lines)) message.set(name, value);
  const subject = jobSubject({ tenant: 'demo', jobId, operation });
  await jetstream(await connectTo(stack)).publish(subject, body, { headers: message });
  return await jobEnded(stack, jobId);
}

const event = (traceparent: string, more: Record<string, unknown>) =>
  JSON.stringify({
    specversion: '1.0',
    id: randomUUID(),
    source: '/shop',
    type: 'order',
    time: TIME,
    traceparent,
    ...more,
  });

describe('a job that a program publishes as a CloudEvent', () => {
  it.each<[string, (traceparent: string) => [Record<string, string>, string]]>([
    [
      'in structured mode',
      (traceparent) => [
        { 'Content-Type': 'application/cloudevents+json; charset=utf-8' },
        event(traceparent, { data: { n: 1 } }),
      ],
    ],
    [
      'in structured mode without a content type',
      (traceparent) => [{}, event(traceparent, { data: { n: 1 } })],
    ],
    [
      'in structured mode with its data as bytes',
      (traceparent) => [
        { 'content-type': 'application/cloudevents+json' },
        event(traceparent, { datacontenttype: 'application/json', data_base64: btoa('{"n":1}') }),
      ],
    ],
    [
      'in binary mode with encoded attributes',
      (traceparent) => [
        {
          'ce-specversion': '1.0',
          'ce-time': TIME.replaceAll(':', '%3A'),
          'ce-traceparent': traceparent,
          'ce-tracestate': 'v%3D1',
          'ce-datacontenttype': 'application/json',
        },
        '{"n":1}',
      ],
    ],
  ])('%s runs with its data, in its trace', async (_what, write) => {
    const traceId = hex(16);
    const spanId = hex(8);
    const job = await run('echo', ...write(`00-${traceId}-${spanId}-01`));
    expect(job).toMatchObject({ state: 'succeeded', result: { n: 1 }, traceId, acceptedAt: TIME });
    const isWork = (span: Parameters<typeof shortName>[0]) => shortName(span) === 'process echo';
    const spans = await stack.collector.waitForSpans(traceId, (all) => all.some(isWork), 60_000);
    expect(spans.find(isWork)?.parentSpanId).toBe(spanId);
  });

  it('is in the trace of its last hop, if its header names one', async () => {
    const traceId = hex(16);
    const hop = { 'content-type': 'application/cloudevents+json', traceparent: `00-${traceId}-${hex(8)}-01` };
    const job = await run('echo', hop, event(`00-${hex(16)}-${hex(8)}-01`, { data: 1 }));
    expect(job).toMatchObject({ state: 'succeeded', traceId });
  });

  it('is a dead letter with its reason if the event cannot be read', async () => {
    const job = await run('echo', { 'content-type': 'application/cloudevents+json' }, '{"data":1}');
    expect(job).toMatchObject({ state: 'failed', error: { code: 'message-invalid' } });
  });

  it('keeps its data, its attributes and its trace as a dead letter, and through a redrive', async () => {
    const traceId = hex(16);
    const input = { message: 'no such order' };
    const type = { 'content-type': 'application/cloudevents+json' };
    const body = event(`00-${traceId}-${hex(8)}-01`, { data: input });
    const job = await run('test.thrower', type, body);
    expect(job).toMatchObject({ state: 'failed', traceId });
    const letter = await (await stack.call(`/v1/dead-letters/${job.id}`)).json();
    expect(letter).toMatchObject({ traceId, input, headers: { 'ce-source': '/shop', 'ce-type': 'order' } });
    await stack.call(`/v1/dead-letters/${job.id}/redrive`, { method: 'POST' });
    const again = await until('the redriven job to end', async () => {
      const now = await jobEnded(stack, job.id);
      return now.previousTraceIds !== undefined && now;
    });
    expect(again).toMatchObject({ state: 'failed', acceptedAt: TIME, previousTraceIds: [traceId] });
  });
});
