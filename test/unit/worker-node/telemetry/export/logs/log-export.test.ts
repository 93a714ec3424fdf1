import { expect, it } from 'vitest';
import { startLogExport } from '../../../../../../worker-node/telemetry/export/logs/log-export.ts';
import { Losses } from '../../../../../../worker-node/telemetry/export/losses.ts';
import { readNodeOtelSettings } from '../../../../../../worker-node/telemetry/sdk-settings.ts';

it('what cannot be made a log record is counted, and its writer hears nothing of it', async () => {
  const losses = new Losses('logs', () => undefined);
  const { send, shutdown } = startLogExport({
    target: { url: 'http://127.0.0.1:1', headers: {}, gzip: false, timeoutMs: 1 },
    settings: readNodeOtelSettings({}).settings,
    resource: {},
    environment: {},
    losses,
  });
  send('{');
  await shutdown();
  expect(losses.counts).toEqual({ queueFull: 0, exportFailed: 1, rejected: 0 });
});

it('log records wait up to a number of characters, even if they are few, and what is beyond is counted', async () => {
  const losses = new Losses('logs', () => undefined);
  const { send, shutdown } = startLogExport({
    target: { url: 'http://127.0.0.1:1', headers: {}, gzip: false, timeoutMs: 1 },
    settings: readNodeOtelSettings({ OTEL_BLRP_SCHEDULE_DELAY: '3600000' }).settings,
    resource: {},
    environment: {},
    losses,
  });
  const line = JSON.stringify({ level: 'info', msg: 'long', rows: 'x'.repeat(4 * 1_024 * 1_024) });
  for (let sent = 0; sent < 5; sent++) send(line);
  expect(losses.counts).toEqual({ queueFull: 2, exportFailed: 0, rejected: 0 });
  expect(losses.exports.waiting).toBe(3);
  await shutdown();
  expect(losses.exports.waiting).toBe(0);
});
