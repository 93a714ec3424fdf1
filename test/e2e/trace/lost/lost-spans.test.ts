import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { findFreePort } from '../../../../dev/machine/free-port.ts';
import { atEndOfFile } from '../../../support/cleanup.ts';
import { answer, serve } from '../../../support/cli/servers.ts';
import { listening } from '../../../support/http/listening.ts';
import { until } from '../../../support/poll.ts';
import { makeSpans } from '../../../support/spans/make-spans.ts';
import { otlpReceiver } from '../../../support/spans/otlp-receiver.ts';
import { startTestStack } from '../../../support/stack.ts';

const NONE = { queueFull: 0, exportFailed: 0, rejected: 0 };
/** How long one export may take, with its tries. */
const SOON = { OTEL_EXPORTER_OTLP_TIMEOUT: '1500' };

/** A server that speaks HTTP/2 only, as the port for gRPC of a collector does. */
async function grpcPort(): Promise<number> {
  const server = createHttp2Server();
  server.on('sessionError', () => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  atEndOfFile(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

/** A server of something else, which has a page for every address. */
async function webPage(): Promise<string> {
  return (await serve(() => answer(200, '<!DOCTYPE html>\n<html></html>'))).url;
}

/** A server whose answer goes on and on, for longer than an export may take. In the end it closes the connection. */
async function endlessAnswer(): Promise<string> {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    let written = 0;
    const writing = setInterval(() => {
      response.write(' ');
      if (++written === 250) request.socket.destroy();
    }, 20);
    request.socket.on('close', () => clearInterval(writing));
  });
  return await listening(server);
}

it.each([
  ['500', async () => (await otlpReceiver({ status: 500 })).url, 'status 500'],
  ['404', async () => (await otlpReceiver({ status: 404 })).url, 'status 404'],
  [
    '429 with a Retry-After that is too long to wait',
    async () => (await otlpReceiver({ status: 429, headers: { 'retry-after': '60' } })).url,
    'status 429, 502, 503 or 504, also after more tries',
  ],
  ['nothing: nobody listens there', async () => `http://127.0.0.1:${await findFreePort()}`, /ECONNREFUSED/],
  [
    'no HTTP/1.1: it is the port for gRPC',
    async () => `http://127.0.0.1:${await grpcPort()}`,
    /is it the port for gRPC\?/,
  ],
  ['200 with a web page', webPage, 'the answer is a web page: the endpoint is not that of a collector'],
  ['without an end', endlessAnswer, 'no whole answer came in time'],
])('spans are counted and said when the collector answers %s', async (_case, start, cause) => {
  const { counts, said } = await makeSpans({ OTEL_EXPORTER_OTLP_ENDPOINT: await start(), ...SOON }, 3);
  expect(counts).toEqual({ ...NONE, exportFailed: 3 });
  expect(said).toEqual([{ ...NONE, exportFailed: 3, cause: expect.toSatisfy(matches(cause)) }]);
});

function matches(wanted: string | RegExp): (text: string) => boolean {
  return (text) => (typeof wanted === 'string' ? text === wanted : wanted.test(text));
}

it.each(['many', '-2', {}, 0.5])(
  'an answer that says that %j spans were rejected counts none, since that is not a number of spans',
  async (rejectedSpans) => {
    const { url } = await otlpReceiver({ body: { partialSuccess: { rejectedSpans } } });
    expect((await makeSpans({ OTEL_EXPORTER_OTLP_ENDPOINT: url })).counts).toEqual(NONE);
  },
);

it.each([
  ['camel case', { partialSuccess: { rejectedSpans: '2', errorMessage: 'too old' } }],
  ['snake case', { partial_success: { rejected_spans: '2', error_message: 'too old' } }],
])(
  'the spans that a collector rejects from a batch are counted, with what it says in %s',
  async (_case, body) => {
    const { url } = await otlpReceiver({ body });
    const { counts, said } = await makeSpans({ OTEL_EXPORTER_OTLP_ENDPOINT: url }, 5);
    expect(counts).toEqual({ ...NONE, rejected: 2 });
    expect(said).toEqual([{ ...NONE, rejected: 2, cause: 'the collector rejected spans: too old' }]);
  },
);

it('the same with a log level of the library', async () => {
  const { url } = await otlpReceiver({ body: { partialSuccess: { rejectedSpans: 1 } } });
  const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_LOG_LEVEL: 'error' };
  expect((await makeSpans(settings)).counts).toEqual({ ...NONE, rejected: 1 });
});

it('spans that wait while the collector is busy are sent after its Retry-After, and none is lost', async () => {
  const { url, spans, requests } = await otlpReceiver({ status: 429, headers: { 'retry-after': '1' } }, {});
  const { counts, said } = await makeSpans({ OTEL_EXPORTER_OTLP_ENDPOINT: url }, 3);
  expect(requests).toHaveLength(2);
  expect(spans).toHaveLength(3);
  expect([counts, said]).toEqual([NONE, []]);
});

it.each(['0', '-5', 'soon', 'Wed, 21 Oct 2015 07:28:00 GMT'])(
  'spans wait for a collector that is busy for a moment, even if its Retry-After names no time to come: %s',
  async (retryAfter) => {
    let busyUntil: number | undefined;
    const { url } = await serve(() => {
      busyUntil ??= Date.now() + 500;
      return Date.now() < busyUntil ? answer(503, {}, { 'retry-after': retryAfter }) : answer(200, {});
    });
    expect((await makeSpans({ OTEL_EXPORTER_OTLP_ENDPOINT: url })).counts).toEqual(NONE);
  },
);

it('spans beyond the queue are counted, and the others arrive', async () => {
  const { url, spans } = await otlpReceiver();
  const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_MAX_QUEUE_SIZE: '10' };
  const { counts, said } = await makeSpans(settings, 25);
  expect(spans.length + (counts.queueFull ?? 0)).toBe(25);
  expect(counts).toEqual({ ...NONE, queueFull: expect.any(Number) });
  expect(counts.queueFull).toBeGreaterThan(0);
  // One line at once, and one for the rest at the end.
  expect(said.map(({ queueFull }) => queueFull)).toEqual([1, counts.queueFull]);
  expect(said[0]?.cause).toBe('10 spans wait already (OTEL_BSP_MAX_QUEUE_SIZE)');
});

it('a worker that loses spans runs jobs, says so once in its log, and in the body of /readyz', async () => {
  const { url } = await otlpReceiver({ status: 500 });
  const stack = await startTestStack({ worker: { OTEL_EXPORTER_OTLP_ENDPOINT: url } });
  expect((await stack.run('echo', 1)).state).toBe('succeeded');
  const lost = (line: Record<string, unknown>): boolean =>
    line.msg === 'spans were lost' && line.service === 'throughline-worker';
  const [line] = await stack.logged(lost);
  expect(line).toMatchObject({ level: 'warn', exportFailed: expect.any(Number), reason: 'status 500' });
  // It is about no job in particular.
  expect(line).not.toHaveProperty('trace_id');
  expect((await stack.run('echo', 2)).state).toBe('succeeded');
  const readiness = await until('the sign', async () => {
    const response = await fetch(`${stack.worker.healthUrl}/readyz`);
    const body = (await response.json()) as { readonly warnings?: readonly string[] };
    return body.warnings !== undefined && { status: response.status, ...body };
  });
  expect(readiness).toMatchObject({
    status: 'ready',
    warnings: [
      expect.stringMatching(/^spans are lost, so traces have gaps: status 500; \d+ since the start$/),
    ],
  });
  expect(stack.logs().filter(lost)).toHaveLength(1);
});

it('a signal that comes again later ends a worker at once, and says how many spans that costs', async () => {
  const { url } = await serve(() => undefined);
  const stack = await startTestStack({ worker: { OTEL_EXPORTER_OTLP_ENDPOINT: url } });
  await stack.run('echo', 1);
  await stack.worker.kill('SIGTERM');
  await stack.logged(({ msg }) => msg === 'worker stopping');
  let code: number | null | undefined;
  void stack.worker.exited.then((exited) => {
    code = exited;
  });
  await until('the end of the worker', async () => {
    await stack.worker.kill('SIGTERM');
    return code !== undefined;
  });
  expect(code).toBe(1);
  const [line] = await stack.logged(({ msg }) => msg === 'worker ended by a second signal');
  expect(line).toMatchObject({ level: 'warn', spans_lost: expect.any(Number), logs_lost: 0 });
  expect(line?.spans_lost).toBeGreaterThan(0);
});
