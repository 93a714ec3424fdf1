import { expect, it } from 'vitest';
import { startLogExport } from '../../../../../worker-node/telemetry/export/log-export.ts';
import { Losses } from '../../../../../worker-node/telemetry/export/losses.ts';
import { readNodeOtelSettings } from '../../../../../worker-node/telemetry/sdk-settings.ts';

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
