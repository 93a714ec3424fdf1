import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { emptyResource } from '@opentelemetry/resources';
import { expect, it, onTestFinished } from 'vitest';
import { tracesTarget } from '../../../../../shared/trace/settings/otlp-settings.ts';
import { messageSpans } from '../../../../../worker-node/broker-spans/message-spans.ts';
import { readTraceEvent } from '../../../../../worker-node/broker-spans/trace-event.ts';
import { Losses } from '../../../../../worker-node/telemetry/export/losses.ts';
import { SpanBatches } from '../../../../../worker-node/telemetry/export/span-batches.ts';
import { readNodeOtelSettings } from '../../../../../worker-node/telemetry/sdk-settings.ts';
import { eventBytes } from '../../broker-spans/events.ts';

const BATCHES = 3;

/** Sends batches to a collector, and gives what was counted as lost at the end. */
async function lostAtEnd(
  collect: (response: ServerResponse) => void,
  tell: () => void,
  more: Readonly<Record<string, string>> = {},
  sent = BATCHES,
): Promise<Losses['counts']> {
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
  const lost = new Losses('spans', tell);
  onTestFinished(() => lost.stop());
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
    OTEL_BSP_MAX_QUEUE_SIZE: String(sent + 1),
    OTEL_BSP_SCHEDULE_DELAY: '3600000',
    ...more,
  };
  const { settings } = readNodeOtelSettings(environment);
  const target = tracesTarget(settings);
  const event = readTraceEvent(eventBytes());
  if (target === undefined || typeof event === 'string') throw new Error('the test is wrong');
  const batches = new SpanBatches(target, settings, { losses: lost, environment });
  for (let number = 0; number < sent; number++)
    for (const span of messageSpans(event, emptyResource())) batches.onEnd(span);
  await batches.shutdown();
  return lost.counts;
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

it('the end does not wait longer than OTEL_BSP_EXPORT_TIMEOUT, and what has no answer then is lost', async () => {
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
