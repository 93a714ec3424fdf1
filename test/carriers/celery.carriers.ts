/** Celery in Python, with OpenTelemetry's own instrumentation, on the other side of RabbitMQ and of Redis. */
import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { extract, fromCeleryHeaders, withCarrier } from '../../shared/propagation/index.ts';
import { shortName } from '../../shared/trace/short-name.ts';
import type { SpanRecord } from '../../shared/trace/span-record.ts';
import { needPrograms } from '../generators/toolbox.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { startRabbitmq, startRedis } from './support/brokers.ts';
import { runCelery, servicesUp, startCelery, traced } from './support/programs.ts';
import { readersFolder } from './support/tools.ts';

const PROGRAMS = ['python3', 'apt-get', 'dpkg-deb'];

let folder: string;
beforeAll(async () => {
  folder = await readersFolder('docs/CARRIERS.md');
});

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
const isLast = (span: SpanRecord): boolean => shortName(span) === 'process echo';

/** What the Python program needs: its broker, the API, and where its spans go. */
const settingsOf = (stack: TestStack, broker: string) => ({
  ...traced(stack, 'celery'),
  BROKER: broker,
  THROUGHLINE_URL: stack.url,
  THROUGHLINE_API_KEY: stack.apiKey,
});

/** Waits until the job that the task submitted is in the trace. @returns the services from it to the root */
async function wayOf(stack: TestStack, traceId: string): Promise<string[]> {
  const spans = await stack.collector.waitForSpans(
    traceId,
    (all) => all.some(isLast) && all.some(({ service, kind }) => service === 'celery' && kind === 'CONSUMER'),
    60_000,
  );
  const last = spans.find(isLast);
  if (last === undefined) throw new Error('the job of the task did not run');
  return servicesUp(spans, last);
}

describe('a trace', () => {
  it('goes from an operation through RabbitMQ to a Celery task, and back into Throughline', async ({
    skip,
  }) => {
    await needPrograms({ needs: PROGRAMS }, skip);
    const broker = await startRabbitmq();
    const stack = await startTestStack({
      operationsFolder: path.join(folder, 'operations'),
      worker: { RABBITMQ: broker },
    });
    await startCelery(folder, settingsOf(stack, broker));
    const traceId = hex(16);
    const headers = { traceparent: `00-${traceId}-${hex(8)}-01` };
    expect((await stack.run('thumbnail', { width: 7 }, headers)).state).toBe('succeeded');
    const [own, ...edge] = ['throughline-worker', 'throughline-bridge', 'throughline-edge'];
    expect(await wayOf(stack, traceId)).toEqual([own, ...edge, 'celery', own, ...edge]);
  });

  it('goes from a program in JavaScript through Redis to a Celery task', async ({ skip }) => {
    await needPrograms({ needs: PROGRAMS }, skip);
    const redis = await startRedis();
    const stack = await startTestStack();
    await startCelery(folder, settingsOf(stack, redis.url));
    const traceId = hex(16);
    const id = randomUUID();
    const carrier = { traceparent: `00-${traceId}-${hex(8)}-01` };
    const message = {
      body: btoa(JSON.stringify([[7], {}, { callbacks: null, errbacks: null, chain: null, chord: null }])),
      'content-encoding': 'utf-8',
      'content-type': 'application/json',
      headers: withCarrier(
        { lang: 'js', task: 'tasks.thumbnail', id, root_id: id, traceparent: 'old' },
        carrier,
      ),
      properties: {
        correlation_id: id,
        delivery_mode: 2,
        delivery_info: { exchange: '', routing_key: 'celery' },
        priority: 0,
        body_encoding: 'base64',
        delivery_tag: randomUUID(),
      },
    };
    await redis.command('LPUSH', 'celery', JSON.stringify(message));
    const way = await wayOf(stack, traceId);
    expect(way).toEqual(['throughline-worker', 'throughline-bridge', 'throughline-edge', 'celery']);
  });

  it('is read from a task that Celery has put into Redis', async ({ skip }) => {
    await needPrograms({ needs: PROGRAMS }, skip);
    const redis = await startRedis();
    const stack = await startTestStack();
    const printed = await runCelery(folder, 'celery-producer.py', settingsOf(stack, redis.url));
    const { headers } = JSON.parse(await redis.command('LPOP', 'celery'));
    const { spanContext } = extract(fromCeleryHeaders(headers));
    expect(spanContext?.traceId).toBe(printed.trim());
  });
});
