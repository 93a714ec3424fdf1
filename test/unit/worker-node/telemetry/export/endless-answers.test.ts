import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startLogExport } from '../../../../../worker-node/telemetry/export/logs/log-export.ts';
import { Losses } from '../../../../../worker-node/telemetry/export/losses.ts';
import { readNodeOtelSettings } from '../../../../../worker-node/telemetry/sdk-settings.ts';
import { until } from '../../../../support/poll.ts';

/** The library sends at most 30 exports at the same time, and waits for the ends of all of them. */
it('an answer without an end keeps no connection, and takes no place from later exports', async () => {
  let isWell = false;
  let open = 0;
  const server = createServer((request, response) => {
    request.resume();
    if (isWell) return response.writeHead(200).end('{}');
    const writing = setInterval(() => response.write(' '), 20);
    return response.on('close', () => clearInterval(writing));
  });
  server.on('connection', (socket) => {
    open++;
    socket.on('close', () => open--);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const losses = new Losses('logs', () => undefined);
  const { settings } = readNodeOtelSettings({
    OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '1',
    OTEL_BLRP_SCHEDULE_DELAY: '1',
  });
  const target = { url, headers: {}, gzip: false, timeoutMs: 1_000 };
  const { send, shutdown } = startLogExport({ target, settings, resource: {}, environment: {}, losses });
  const log = (): void =>
    send(JSON.stringify({ time: new Date().toISOString(), level: 'info', msg: 'a line' }));
  log();
  await until('the loss', () => losses.counts.exportFailed === 1);
  expect(losses.warnings.join()).toContain('no whole answer came in time');
  await until('the connection to be closed', () => open === 0, 20_000);
  isWell = true;
  log();
  await until('the export', () => losses.exports.taken === 1);
  await shutdown();
});
