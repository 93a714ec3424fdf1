import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { startLogExport } from '../../../../../../worker-node/telemetry/export/logs/log-export.ts';
import { Losses } from '../../../../../../worker-node/telemetry/export/losses.ts';
import { readNodeOtelSettings } from '../../../../../../worker-node/telemetry/sdk-settings.ts';
import { listening } from '../../../../../support/http/listening.ts';
import { readLogExport } from '../../../../../support/spans/log-export.ts';

/** Starts an export whose records wait until its end. */
function startExport(url: string, timeoutMs: number) {
  const losses = new Losses('logs', () => undefined);
  const { settings } = readNodeOtelSettings({ OTEL_BLRP_SCHEDULE_DELAY: '3600000' });
  const target = { url, headers: {}, gzip: false, timeoutMs };
  return { losses, ...startLogExport({ target, settings, resource: {}, environment: {}, losses }) };
}

it('what cannot be made a log record is counted, and its writer hears nothing of it', async () => {
  const { send, shutdown, losses } = startExport('http://127.0.0.1:1', 1);
  send('{');
  await shutdown();
  expect(losses.counts).toEqual({ queueFull: 0, exportFailed: 1, rejected: 0 });
});

it('log records wait up to a number of characters, even if they are few, and what is beyond is counted', async () => {
  const { send, shutdown, losses } = startExport('http://127.0.0.1:1', 1);
  const line = JSON.stringify({ level: 'info', msg: 'long', rows: 'x'.repeat(4 * 1_024 * 1_024) });
  for (let sent = 0; sent < 5; sent++) send(line);
  expect(losses.counts).toEqual({ queueFull: 2, exportFailed: 0, rejected: 0 });
  expect(losses.exports.waiting).toBe(3);
  await shutdown();
  expect(losses.exports.waiting).toBe(0);
});

/** A line of an author whose `data` holds small values, which OTLP's JSON makes ten times as long. */
const wide = (msg: string): string =>
  JSON.stringify({
    level: 'info',
    time: '2026-01-01T00:00:00Z',
    msg,
    data: { rows: new Array(7_000).fill(1) },
  });

it('small values in lists count as what they are in a request while log records wait', async () => {
  const { send, shutdown, losses } = startExport('http://127.0.0.1:1', 1);
  for (let sent = 0; sent < 200; sent++) send(wide('wide'));
  expect(losses.counts.queueFull).toBeGreaterThan(50);
  await shutdown();
});

it('a collector that takes at most 4 MiB at a time gets all records of long lines, in their order', async () => {
  const bodies: Buffer[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const isTooLarge = body.length > 4 * 1_024 * 1_024;
    if (!isTooLarge) bodies.push(body);
    response.writeHead(isTooLarge ? 413 : 200).end();
  });
  const { send, shutdown, losses } = startExport(`${await listening(server)}/v1/logs`, 10_000);
  for (let sent = 0; sent < 100; sent++) send(wide(`line ${sent}`));
  await shutdown();
  const records = bodies.flatMap((body) => readLogExport(JSON.parse(body.toString())));
  expect(records.map(({ body }) => body)).toEqual(Array.from({ length: 100 }, (_, sent) => `line ${sent}`));
  expect(losses.counts).toEqual({ queueFull: 0, exportFailed: 0, rejected: 0 });
});
