import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { emptyResource } from '@opentelemetry/resources';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tracesTarget } from '../../../../../shared/trace/settings/otlp-settings.ts';
import { messageSpans } from '../../../../../worker-node/broker-spans/message-spans.ts';
import { readTraceEvent } from '../../../../../worker-node/broker-spans/trace-event.ts';
import { Losses } from '../../../../../worker-node/telemetry/export/losses.ts';
import { SpanBatches } from '../../../../../worker-node/telemetry/export/span-batches.ts';
import { readNodeOtelSettings } from '../../../../../worker-node/telemetry/sdk-settings.ts';
import { until } from '../../../../support/poll.ts';
import { eventBytes } from '../../broker-spans/events.ts';

const BATCHES = 3;

/** Batches of one span each, whose collector answers as `collect` does. */
async function startBatches(
  collect: (response: ServerResponse) => void,
  tell: () => void,
  more: Readonly<Record<string, string>> = {},
) {
  const server = createServer((request, response) => {
    request.resume();
    collect(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const losses = new Losses('spans', tell);
  onTestFinished(() => losses.stop());
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
    OTEL_BSP_SCHEDULE_DELAY: '3600000',
    ...more,
  };
  const { settings } = readNodeOtelSettings(environment);
  const target = tracesTarget(settings);
  const event = readTraceEvent(eventBytes());
  if (target === undefined || typeof event === 'string') throw new Error('the test is wrong');
  const batches = new SpanBatches(target, settings, { losses, environment });
  const end = (name?: string): void => {
    for (const span of messageSpans(event, emptyResource()))
      batches.onEnd(name === undefined ? span : Object.assign(span, { name }));
  };
  return { batches, losses, end };
}

/** Sends batches to a collector, and gives what was counted as lost at the end. */
async function lostAtEnd(
  collect: (response: ServerResponse) => void,
  tell: () => void,
  more: Readonly<Record<string, string>> = {},
  sent = BATCHES,
): Promise<Losses['counts']> {
  const settings = { OTEL_BSP_MAX_QUEUE_SIZE: String(sent + 1), ...more };
  const { batches, losses, end } = await startBatches(collect, tell, settings);
  for (let number = 0; number < sent; number++) end();
  await batches.shutdown();
  return losses.counts;
}

it('the end waits until all exports are answered, so that every lost span is counted', async () => {
  const waiting: ServerResponse[] = [];
  const refuse = (response: ServerResponse): void => void response.writeHead(400).end();
  // The first refusal alone; the others after it has been counted.
  const collect = (response: ServerResponse): void => {
    waiting.push(response);
    if (waiting.length === BATCHES) refuse(waiting[0] ?? response);
  };
  const counts = await lostAtEnd(collect, () => waiting.splice(1).forEach(refuse));
  expect(counts).toEqual({ queueFull: 0, exportFailed: BATCHES, rejected: 0 });
});

it('the shutdown waits at most OTEL_BSP_EXPORT_TIMEOUT, and spans without an answer by then are lost', async () => {
  const noAnswer = (): void => undefined;
  const more = { OTEL_BSP_EXPORT_TIMEOUT: '50', OTEL_EXPORTER_OTLP_TIMEOUT: '3600000' };
  const counts = await lostAtEnd(noAnswer, () => undefined, more);
  expect(counts).toEqual({ queueFull: 0, exportFailed: BATCHES, rejected: 0 });
});

it('the end sends any number of batches, and only some of them at the same time', async () => {
  let most = 0;
  const open = new Set<ServerResponse>();
  const collect = (response: ServerResponse): void => {
    most = Math.max(most, open.add(response).size);
    response.on('close', () => open.delete(response));
    setImmediate(() => response.writeHead(200).end());
  };
  const counts = await lostAtEnd(collect, () => undefined, {}, 100);
  expect(counts).toEqual({ queueFull: 0, exportFailed: 0, rejected: 0 });
  expect(most).toBeLessThanOrEqual(10);
});

it('a flush waits for a batch that is on its way', async () => {
  const open: ServerResponse[] = [];
  const { batches, losses, end } = await startBatches(
    (response) => void open.push(response),
    () => undefined,
  );
  end();
  await until('the export', () => open.length === 1);
  const taken = batches.forceFlush().then(() => losses.exports.taken);
  open.pop()?.writeHead(200).end();
  expect(await taken).toBe(1);
});

it('large spans find no room when too many bytes wait, and find it again later', async () => {
  const open: ServerResponse[] = [];
  const { batches, losses, end } = await startBatches(
    (response) => void open.push(response),
    () => undefined,
  );
  const large = 'x'.repeat(5 * 1_024 * 1_024);
  for (let number = 0; number < 9; number++) end(large);
  expect(losses.counts).toEqual({ queueFull: 2, exportFailed: 0, rejected: 0 });
  await until('the first export', () => open.length === 1);
  open.pop()?.writeHead(200).end();
  await until('the next export', () => open.length === 1);
  end(large);
  expect(losses.counts).toEqual({ queueFull: 2, exportFailed: 0, rejected: 0 });
  const stopping = batches.shutdown();
  const answering = until('all exports', () => {
    for (const response of open.splice(0)) response.writeHead(200).end();
    return losses.exports.inFlight + (losses.exports.waiting ?? 0) === 0;
  });
  await Promise.all([stopping, answering]);
  expect(losses.counts).toEqual({ queueFull: 2, exportFailed: 0, rejected: 0 });
});

describe('a collector that takes at most 20 MiB at a time', () => {
  const MEGABYTE = 1_024 * 1_024;
  const refuseLarge = (response: ServerResponse): void => {
    let bytes = 0;
    response.req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    response.req.on('end', () => response.writeHead(bytes > 20 * MEGABYTE ? 413 : 200).end());
  };
  const startLimited = (tell: (...words: unknown[]) => void) =>
    startBatches(refuseLarge, tell, { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '512' });

  it('gets all of many large spans', async () => {
    const { batches, losses, end } = await startLimited(() => undefined);
    for (let number = 0; number < 30; number++) end('x'.repeat(MEGABYTE));
    await batches.shutdown();
    expect([losses.exports.taken, losses.counts.exportFailed]).toEqual([30, 0]);
  });

  it('gets the other spans of a batch with one that is larger, which is counted and said', async () => {
    const said: unknown[] = [];
    const { batches, losses, end } = await startLimited((...words) => said.push(words));
    end();
    end('x'.repeat(21 * MEGABYTE));
    end();
    await batches.shutdown();
    expect([losses.exports.taken, losses.counts.exportFailed]).toEqual([2, 1]);
    expect(JSON.stringify(said)).toContain('a span cannot be written: it has 22');
  });
});

describe('a collector that asks for more time than an export has', () => {
  /** It asks for so many seconds with its first answer, and takes all others. */
  const startAsked = async (seconds: number, more: Readonly<Record<string, string>> = {}) => {
    const times: number[] = [];
    const collect = (response: ServerResponse): void => {
      const isFirst = times.push(performance.now()) === 1;
      response.writeHead(isFirst ? 429 : 200, isFirst ? { 'retry-after': String(seconds) } : {}).end();
    };
    const settings = { OTEL_EXPORTER_OTLP_TIMEOUT: '500', ...more };
    const { batches, losses, end } = await startBatches(collect, () => undefined, settings);
    end();
    await until('the loss', () => losses.counts.exportFailed === 1);
    return { batches, losses, end, times };
  };

  it('gets no other export before that', async () => {
    const { batches, losses, end, times } = await startAsked(2);
    for (let number = 0; number < 3; number++) end();
    await until('the other exports', () => times.length === 4);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1_900);
    await batches.shutdown();
    expect(losses.counts).toEqual({ queueFull: 0, exportFailed: 1, rejected: 0 });
  });

  it('loses the spans that find no room meanwhile; at the end, the others are sent at once', async () => {
    const { batches, losses, end, times } = await startAsked(3_600, { OTEL_BSP_MAX_QUEUE_SIZE: '3' });
    for (let number = 0; number < 5; number++) end();
    expect(losses.counts).toEqual({ queueFull: 2, exportFailed: 1, rejected: 0 });
    expect(times).toHaveLength(1);
    await batches.shutdown();
    expect(times).toHaveLength(4);
    expect(losses.counts).toEqual({ queueFull: 2, exportFailed: 1, rejected: 0 });
  });
});
