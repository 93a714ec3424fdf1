import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BasicTracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { expect, it } from 'vitest';
import { otlpSender } from '../../../../edge/telemetry/export/otlp.ts';
import { atEndOfFile } from '../../../support/cleanup.ts';

/** Long enough for a real answer on a busy machine. */
const TIMEOUT_MS = 2_000;
const SPAN = new BasicTracerProvider().getTracer('test').startSpan('test') as unknown as ReadableSpan;

/** A collector that gives each export to `answer`, with the number of exports so far. */
async function collector(
  answer: (response: ServerResponse, exports: number) => void,
  timeoutMs = TIMEOUT_MS,
) {
  let exports = 0;
  const server = createServer((request, response) => {
    request.resume().once('end', () => answer(response, ++exports));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEndOfFile(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const send = otlpSender({ url: `http://127.0.0.1:${port}/v1/traces`, headers: {} }, timeoutMs);
  return { send, exports: () => exports };
}

it('sends spans once more when no answer comes in time', async () => {
  // The answer to the second export must come in time on a busy machine too.
  const { send, exports } = await collector((response, count) => {
    if (count === 2) response.end('{}');
  }, 2_000);
  expect(await send([SPAN])).toEqual({ lost: 0 });
  expect(exports()).toBe(2);
});

it('gives spans up after two tries without an answer, and says why', async () => {
  const { send, exports } = await collector(() => undefined);
  expect(await send([SPAN])).toEqual({
    lost: 1,
    reason: expect.stringContaining('the time is over') as string,
  });
  expect(exports()).toBe(2);
});

it('does not send spans again that a collector refuses', async () => {
  const { send, exports } = await collector((response) => response.writeHead(400).end());
  expect(await send([SPAN])).toEqual({ lost: 1, reason: 'status 400' });
  expect(exports()).toBe(1);
});
