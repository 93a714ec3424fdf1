import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { atEndOfFile } from '../../../support/cleanup.ts';
import { makeLogs, makeSpans, sendMetrics } from '../../../support/spans/make-spans.ts';
import { startTestStack } from '../../../support/stack.ts';

const NONE = { queueFull: 0, exportFailed: 0, rejected: 0 };
/** systemd and Kubernetes give a worker 60 s (`deploy`). Its jobs may have 20 of them, and NATS 9. */
const END_MS = 20_000;

/** A collector that answers each export with what `answer` writes. */
async function collector(answer: (response: ServerResponse) => unknown): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEndOfFile(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function zipped(body: unknown): (response: ServerResponse) => void {
  const bytes = gzipSync(typeof body === 'string' ? body : JSON.stringify(body));
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
  return (response) => response.writeHead(200, headers).end(bytes);
}

it.each([
  ['TRACES', 'rejectedSpans', makeSpans],
  ['METRICS', 'rejectedDataPoints', sendMetrics],
  ['LOGS', 'rejectedLogRecords', makeLogs],
] as const)(
  'what a collector rejects of %s in a zipped answer is counted and said',
  async (signal, name, send) => {
    const url = await collector(zipped({ partialSuccess: { [name]: '2', errorMessage: 'too old' } }));
    const exporter = signal === 'TRACES' ? 'otlp' : 'none';
    const made = await send({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_EXPORTER: exporter });
    expect(made.counts).toEqual({ ...NONE, rejected: 2 });
    expect(JSON.stringify(made.said)).toContain(': too old"');
  },
);

it('a zipped answer that is too large to read, or broken, counts as taken', async () => {
  const large = zipped('{"a":"'.padEnd(50_000_000, ' '));
  const broken = (response: ServerResponse): unknown =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{}').subarray(0, 12));
  for (const answer of [large, broken]) {
    const { counts } = await makeLogs({ OTEL_EXPORTER_OTLP_ENDPOINT: await collector(answer) });
    expect(counts).toEqual(NONE);
  }
});

it.each<[string, (response: ServerResponse) => unknown, string]>([
  [
    'leads to another address',
    (response) => response.writeHead(307, { location: '/elsewhere' }).end(),
    'status 307: a redirect is not followed; the endpoint must be where it leads',
  ],
  [
    'has large headers',
    (response) => response.writeHead(200, { 'x-large': 'a'.repeat(100_000) }).end('{}'),
    'the headers of the answer are too large',
  ],
  [
    'is cut off',
    (response) => {
      response.writeHead(503, { 'content-length': '100' }).write('{');
      setTimeout(() => response.destroy(), 100);
    },
    'the connection was cut in the middle of an answer',
  ],
  [
    'does not come before the connection is closed',
    (response) => response.destroy(),
    'the connection was closed without an answer',
  ],
])('an answer that %s is said in a sentence', async (_what, answer, reason) => {
  const settings = {
    OTEL_EXPORTER_OTLP_ENDPOINT: await collector(answer),
    OTEL_EXPORTER_OTLP_TIMEOUT: '2000',
  };
  const { counts, said } = await makeLogs(settings);
  expect(counts).toMatchObject({ rejected: 0, queueFull: 0 });
  expect(said).toMatchObject([{ reason }]);
});

it('a worker ends in time, whatever its collector does with spans, metrics and log records', async () => {
  // The answer has no end: a space in each tenth of a second.
  const url = await collector((response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const writing = setInterval(() => response.write(' '), 100);
    response.on('close', () => clearInterval(writing));
  });
  const stack = await startTestStack({
    worker: {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
    },
  });
  expect((await stack.run('echo', 1)).state).toBe('succeeded');
  const began = Date.now();
  await stack.worker.kill('SIGTERM');
  expect(await stack.worker.exited).toBe(0);
  expect(Date.now() - began).toBeLessThan(END_MS);
});
