import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { expect, it, onTestFinished } from 'vitest';
import { startLogExport } from '../../../../../worker-node/telemetry/export/logs/log-export.ts';
import { Losses } from '../../../../../worker-node/telemetry/export/losses.ts';
import { otlpReader } from '../../../../../worker-node/telemetry/export/metric-reader.ts';
import { Histograms } from '../../../../../worker-node/telemetry/measure/histograms.ts';
import { readNodeOtelSettings } from '../../../../../worker-node/telemetry/sdk-settings.ts';
import { until } from '../../../../support/poll.ts';

const REFUSED_ONCE = { queueFull: 0, exportFailed: 1, rejected: 0 };

/** A collector that asks for so many seconds with its first answer, and takes all others. */
async function askingCollector(seconds: number) {
  const times: number[] = [];
  const server = createServer((request, response) => {
    request.resume();
    const isFirst = times.push(performance.now()) === 1;
    response.writeHead(isFirst ? 429 : 200, isFirst ? { 'retry-after': String(seconds) } : {}).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Less time than the collector asks for.
  return { times, target: { url, headers: {}, gzip: false, timeoutMs: 500 } };
}

/** Log records in batches of one, the first of which was refused. */
async function refusedLogs(seconds: number, more: Readonly<Record<string, string>> = {}) {
  const { times, target } = await askingCollector(seconds);
  const losses = new Losses('logs', () => undefined);
  const environment = { OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '1', OTEL_BLRP_SCHEDULE_DELAY: '1', ...more };
  const { settings } = readNodeOtelSettings(environment);
  const { send, shutdown } = startLogExport({ target, settings, resource: {}, environment: {}, losses });
  const log = (): void =>
    send(JSON.stringify({ time: new Date().toISOString(), level: 'info', msg: 'a line' }));
  log();
  await until('the loss', () => losses.counts.exportFailed === 1);
  return { losses, log, shutdown, times };
}

it('log records wait as long as the collector asks for', async () => {
  const { losses, log, shutdown, times } = await refusedLogs(2);
  for (let number = 0; number < 3; number++) log();
  await until('the other exports', () => times.length === 4);
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1_900);
  await shutdown();
  expect(losses.counts).toEqual(REFUSED_ONCE);
});

it('log records that find no room meanwhile are counted, and at the end the others are sent at once', async () => {
  const { losses, log, shutdown, times } = await refusedLogs(3_600, { OTEL_BLRP_MAX_QUEUE_SIZE: '3' });
  for (let number = 0; number < 5; number++) log();
  expect(losses.counts).toEqual({ ...REFUSED_ONCE, queueFull: 2 });
  expect([losses.exports.waiting, times.length]).toEqual([3, 1]);
  await shutdown();
  expect(times).toHaveLength(4);
  expect(losses.counts).toEqual({ ...REFUSED_ONCE, queueFull: 2 });
});

it('the rest of a batch of long log records waits too, and is sent at once at the end', async () => {
  for (const [seconds, isAtEnd] of [
    [2, false],
    [3_600, true],
  ] as const) {
    const { times, target } = await askingCollector(seconds);
    const losses = new Losses('logs', () => undefined);
    const { settings } = readNodeOtelSettings({ OTEL_BLRP_SCHEDULE_DELAY: '1' });
    const { send, shutdown } = startLogExport({ target, settings, resource: {}, environment: {}, losses });
    const line = { time: new Date().toISOString(), level: 'info', msg: 'x'.repeat(1_500_000) };
    for (let number = 0; number < 3; number++) send(JSON.stringify(line));
    await until('the loss', () => losses.counts.exportFailed === 1);
    if (isAtEnd) expect([losses.exports.waiting, times.length]).toEqual([2, 1]);
    else await until('the rest', () => losses.exports.taken === 2);
    await shutdown();
    expect(times).toHaveLength(3);
    if (!isAtEnd) expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1_900);
    expect([losses.counts, losses.exports.taken]).toEqual([REFUSED_ONCE, 2]);
  }
});

/** A reader of metrics that exports every 500 ms, and was refused once. */
async function refusedMetrics(seconds: number) {
  const { times, target } = await askingCollector(seconds);
  const losses = new Losses('metrics', () => undefined);
  const own = new Histograms({}, { name: 'own', version: '1' });
  const reader = otlpReader({ target: { ...target, intervalMs: 500 }, losses, environment: {}, own });
  const provider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => provider.shutdown());
  provider.getMeter('m').createCounter('c').add(1);
  await until('the loss', () => losses.counts.exportFailed === 1);
  return { losses, provider, times };
}

it('metrics are exported again when the time is over that the collector asks for, and then every one is a total', async () => {
  const { losses, times } = await refusedMetrics(2);
  await until('the next export', () => times.length === 2);
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1_900);
  expect(losses.counts).toEqual(REFUSED_ONCE);
});

it('the last metrics of a process are exported at once, also if the collector has asked for a pause', async () => {
  const { losses, provider, times } = await refusedMetrics(3_600);
  await provider.shutdown();
  expect(times).toHaveLength(2);
  expect(losses.counts).toEqual(REFUSED_ONCE);
});
