import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Collector, startCollector } from '../../dev/collector/start.ts';
import type { JobEvent } from '../../shared/event.ts';
import type { Job } from '../../shared/job.ts';
import { extract, fromNodeHeaders } from '../../shared/propagation/index.ts';
import type { SpanRecord } from '../../shared/span-record.ts';

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';
const API_KEY = 'tl_test_secret0123456789012345';

const JOB: Job = {
  id: 'job-1',
  operation: 'echo',
  state: 'queued',
  attempt: 0,
  maxAttempts: 3,
  durability: 'stream',
  acceptedAt: '2026-01-01T00:00:00.000Z',
  traceId: TRACE_ID,
  links: { self: '/v1/jobs/job-1' },
};
const RUNNING: Job = { ...JOB, state: 'running', attempt: 1, progress: { fraction: 0.5, message: 'half' } };
const DONE: Job = {
  ...JOB,
  state: 'succeeded',
  attempt: 1,
  finishedAt: '2026-01-01T00:00:01.000Z',
  result: { hello: 'world' },
};
const FAILED: Job = { ...DONE, state: 'failed', error: { code: 'operation-failed', message: 'no luck' } };

let cache: string;
/** Ends what the tests started; tests run side by side, so at the end of all. */
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'throughline-test-'));
});

afterAll(async () => {
  await Promise.all(cleanups.map((cleanup) => cleanup()));
  await rm(cache, { recursive: true, force: true });
});

interface Seen {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

interface TestServer {
  readonly url: string;
  readonly seen: Seen[];
}

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  body,
  headers,
});

/** A server that keeps what it was asked. `reply` may also keep the response for itself. */
async function serve(
  reply: (request: Seen, response: ServerResponse) => Answer | undefined | Promise<Answer | undefined>,
): Promise<TestServer> {
  const seen: Seen[] = [];
  const server = createServer(async (incoming, response) => {
    const { method, url: path, headers } = incoming;
    const request = { method, path, headers, body: await buffer(incoming) };
    seen.push(request);
    const given = await reply(request, response);
    if (given === undefined) return;
    const isText = typeof given.body === 'string';
    response
      .writeHead(given.status, {
        'content-type': isText ? 'text/html' : 'application/json',
        ...given.headers,
      })
      .end(isText ? given.body : JSON.stringify(given.body));
  });
  const url = await listen(server);
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url, seen };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function collect(): Promise<Collector> {
  const collector = await startCollector();
  cleanups.push(() => collector.close());
  return collector;
}

/** An address that nobody listens at. */
async function nowhere(): Promise<string> {
  const server = createServer();
  const url = await listen(server);
  server.close();
  await once(server, 'close');
  return url;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the real command line, with nothing of this process's environment. */
function start(args: readonly string[], environment: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, XDG_CACHE_HOME: cache, ...environment },
    stdio: 'pipe',
  });
  cleanups.push(() => child.kill('SIGKILL'));
  return child;
}

async function ended(child: ChildProcess, stdin = ''): Promise<Ended> {
  const { stdin: input, stdout, stderr } = child;
  if (input === null || stdout === null || stderr === null) throw new Error('the child has no pipes');
  input.end(stdin);
  const [[code], out, err] = await Promise.all([once(child, 'close'), text(stdout), text(stderr)]);
  return { code, stdout: out, stderr: err };
}

/** Runs the command line to its end against a server. */
async function run(
  server: { readonly url: string },
  args: readonly string[],
  { environment = {}, stdin = '' }: { environment?: Record<string, string>; stdin?: string } = {},
): Promise<Ended> {
  return await ended(start(args, { THROUGHLINE_URL: server.url, ...environment }), stdin);
}

function bodyOf(request: Seen | undefined): unknown {
  return JSON.parse(String(request?.body));
}

describe.concurrent('a submission', () => {
  it('is a POST of operation and input, with the key and the limits that were given, and no header more', async () => {
    const api = await serve(() => answer(202, JOB));
    const limits = [
      '--timeout',
      '30s',
      '--max-attempts',
      '2',
      '--idempotency-key',
      'once',
      '--api-key',
      API_KEY,
    ];
    const { code, stderr } = await run(api, ['submit', 'http.request', '{"a":[1]}', ...limits]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(api.seen).toHaveLength(1);
    expect(api.seen[0]).toMatchObject({ method: 'POST', path: '/v1/jobs' });
    expect(bodyOf(api.seen[0])).toEqual({
      operation: 'http.request',
      input: { a: [1] },
      timeout: '30s',
      maxAttempts: 2,
    });
    expect(api.seen[0]?.headers).toMatchObject({
      authorization: `Bearer ${API_KEY}`,
      'content-type': 'application/json',
      'idempotency-key': 'once',
      'user-agent': expect.stringMatching(/^throughline-cli\/\d/),
    });
    expect(api.seen[0]?.headers).not.toHaveProperty('prefer');
    expect(api.seen[0]?.headers).not.toHaveProperty('baggage');
  });

  it('takes its input from standard input, from a file, and is null without', async () => {
    const api = await serve(() => answer(202, JOB));
    const path = join(cache, 'input.json');
    await writeFile(path, '{"from":"file"}');
    await run(api, ['submit', 'echo', '-'], { stdin: '{"from":"stdin"}\n' });
    await run(api, ['submit', 'echo', `@${path}`]);
    await run(api, ['submit', 'echo'], { stdin: '{"from":"nowhere"}' });
    expect(api.seen.map(bodyOf)).toMatchObject([
      { input: { from: 'stdin' } },
      { input: { from: 'file' } },
      { input: null },
    ]);
  });

  it('sends a valid trace context even when nothing is traced', async () => {
    const api = await serve(() => answer(202, JOB));
    await run(api, ['submit', 'echo']);
    const { outcome, dropped } = extract(fromNodeHeaders(api.seen[0]?.headers ?? {}));
    expect({ outcome, dropped }).toMatchObject({ outcome: 'continued', dropped: { tracestateMembers: 0 } });
  });

  it("continues the environment's trace, and adds to its baggage", async () => {
    const api = await serve(() => answer(202, JOB));
    const environment = {
      TRACEPARENT: `00-${TRACE_ID}-${SPAN_ID}-01`,
      TRACESTATE: 'ci=1',
      BAGGAGE: 'run=7',
    };
    const pairs = ['--baggage', 'user=Adä, "x"', '--baggage=__proto__=p=q'];
    const { code } = await run(api, ['submit', 'echo', ...pairs], { environment });
    expect(code).toBe(0);
    expect(api.seen[0]?.headers).toMatchObject({
      traceparent: environment.TRACEPARENT,
      tracestate: 'ci=1',
      baggage: 'run=7,user=Ad%C3%A4%2C%20%22x%22,__proto__=p=q',
    });
  });

  it('starts a new trace where the environment has a broken one, and says so once', async () => {
    const api = await serve(() => answer(202, JOB));
    const environment = { TRACEPARENT: `00-${TRACE_ID}-${SPAN_ID}-0x` };
    const human = await run(api, ['submit', 'echo'], { environment });
    expect(human).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^warning: TRACEPARENT .*malformed.*\n$/),
    });
    const json = await run(api, ['submit', 'echo', '--json'], { environment });
    expect(json).toMatchObject({ code: 0, stderr: '' });
    for (const { headers } of api.seen) expect(headers.traceparent).not.toContain(TRACE_ID);
  });

  it.each([
    ['--wait', 'wait=30', 200, DONE, 0],
    ['--wait=7', 'wait=7', 200, FAILED, 1],
    ['--wait=60', 'wait=60', 200, { ...DONE, state: 'cancelled' }, 1],
    ['--wait=1', 'wait=1', 202, RUNNING, 4],
  ])(
    'with %s asks for %s, and its exit code tells the end of the job',
    async (flag, prefer, status, job, code) => {
      const api = await serve(() => answer(status, job));
      const result = await run(api, ['submit', 'echo', flag, '--json']);
      expect(result).toMatchObject({ code, stderr: '' });
      expect(JSON.parse(result.stdout)).toEqual(job);
      expect(api.seen[0]?.headers.prefer).toBe(prefer);
    },
  );

  it('prints id, state, trace id and result in a pipe without colour, and nothing on stderr', async () => {
    const api = await serve(() => answer(200, DONE));
    const { stdout, stderr } = await run(api, ['submit', 'echo', '--wait']);
    expect(stderr).toBe('');
    expect(stdout).toBe(
      [
        'job        job-1',
        'operation  echo',
        'state      succeeded',
        'attempt    1 of 3',
        'took       1.0 s',
        `trace      ${TRACE_ID}`,
        'result     {"hello":"world"}',
        '',
      ].join('\n'),
    );
  });

  it('keeps what a later version of the API says of a job', async () => {
    const job = { ...DONE, cancelledBy: 'ada' };
    const api = await serve(() => answer(200, job));
    expect(JSON.parse((await run(api, ['submit', 'echo', '--json'])).stdout)).toEqual(job);
  });
});

describe.concurrent('a traced submission', () => {
  it('is a client span whose context the request carries, below the span of the environment', async () => {
    const api = await serve(() => answer(202, JOB));
    const collector = await collect();
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl,
      TRACEPARENT: `00-${TRACE_ID}-${SPAN_ID}-01`,
    };
    const { code } = await run(api, ['submit', 'echo', '{}'], { environment });
    expect(code).toBe(0);
    const [span, ...others] = collector.spans(TRACE_ID);
    expect(others).toEqual([]);
    expect(span).toMatchObject({
      service: 'throughline-cli',
      name: 'submit echo',
      kind: 'CLIENT',
      parentSpanId: SPAN_ID,
      status: 'UNSET',
      attributes: {
        'throughline.job.operation': 'echo',
        'throughline.job.id': 'job-1',
        'throughline.trace.outcome': 'continued',
        'url.full': `${api.url}/v1/jobs`,
        'http.request.method': 'POST',
        'http.response.status_code': 202,
      },
    });
    expect(api.seen[0]?.headers.traceparent).toBe(`00-${TRACE_ID}-${span?.spanId}-01`);
  });

  it('is an error where the API refuses it', async () => {
    const api = await serve(() => answer(422, { code: 'operation-unknown', detail: 'no such operation' }));
    const collector = await collect();
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl };
    expect((await run(api, ['submit', 'echo'], { environment })).code).toBe(2);
    expect(collector.allSpans()).toMatchObject([
      {
        status: 'ERROR',
        statusMessage: 'no such operation',
        attributes: { 'error.type': 'operation-unknown', 'http.response.status_code': 422 },
      },
    ]);
  });

  it('tells the collector neither the key nor the input', async () => {
    const api = await serve(() => answer(202, JOB));
    const collector = await serve(() => answer(200, {}));
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const secrets = ['{"password":"hidden-input"}', '--api-key', API_KEY];
    await run(api, ['submit', 'echo', ...secrets], { environment });
    const sent = Buffer.concat(collector.seen.map(({ body }) => body)).toString('latin1');
    expect(sent).toContain('submit echo');
    expect(sent).not.toContain('hidden-input');
    expect(sent).not.toContain(API_KEY);
  });

  it.each([
    ['is not there', () => nowhere()],
    ['answers with an error', async () => (await serve(() => answer(500, {}))).url],
    ['never answers', async () => (await serve(() => undefined)).url],
    ['is no address', async () => 'nonsense'],
  ])('succeeds, and soon, where the collector %s', async (_, collector) => {
    const api = await serve(() => answer(202, JOB));
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: await collector() };
    const before = performance.now();
    const { code, stdout } = await run(api, ['submit', 'echo', '--json'], { environment });
    expect({ code, stdout: JSON.parse(stdout) }).toEqual({ code: 0, stdout: JOB });
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  it('prints its span on stderr with --debug, and only the job on stdout', async () => {
    const api = await serve(() => answer(202, JOB));
    const { stdout, stderr } = await run(api, ['submit', 'echo', '--debug', '--json']);
    expect(stderr).toMatch(/^span [0-9a-f]{32} .*throughline-cli CLIENT "submit echo"/);
    expect(JSON.parse(stdout)).toEqual(JOB);
  });
});

describe.concurrent('bad usage', () => {
  it.each([
    [
      ['submit', 'echo', '{"a":}'],
      'the input is not JSON: line 1, column 6: a value was expected, found "}"',
    ],
    [['submit', 'echo', '@no/such/file'], 'the file "no/such/file" cannot be read'],
    [['submit', 'Not.An.Operation'], 'It must be dotted lowercase words'],
    [['submit', 'echo', '--baggage', 'novalue'], 'It must be key=value'],
    [['submit', 'echo', '--baggage', `a=${'x'.repeat(9_000)}`], 'the baggage does not fit'],
    [['submit', '--wait', 'echo'], 'put --wait last'],
    [['submit', 'echo', '--wait=61'], 'a whole number from 1 to 60'],
    [['submit', 'echo', '--timeout', 'soon'], 'a duration such as'],
    [['submit', 'echo', '--idempotency-key', 'a b'], 'visible ASCII'],
    [['submit'], "missing required argument 'operation'"],
    [['get', '../operations'], 'A job id is'],
    [['trace', 'job-1'], '--traces-url or THROUGHLINE_TRACES_URL'],
    [['get', 'job-1', '--url', 'nonsense'], 'must be a URL that starts with http'],
    [['sumbit'], 'Did you mean submit?'],
    [['submit', 'echo', '--wiat'], 'Did you mean --wait?'],
  ])('%j is told before anything is sent', async (args, message) => {
    const api = await serve(() => answer(200, DONE));
    const [human, json] = await Promise.all([run(api, args), run(api, [...args, '--json'])]);
    expect(human).toMatchObject({ code: 2, stdout: '' });
    expect(human.stderr).toContain(message);
    expect(human.stderr).toMatch(/^error: /);
    expect(human.stderr).not.toMatch(/^ +at /m);
    expect(json).toMatchObject({ code: 2, stdout: '' });
    expect(JSON.parse(json.stderr).detail).toContain(message);
    expect(api.seen).toEqual([]);
  });

  it('never shows a key', async () => {
    const api = await serve(() => answer(200, DONE));
    const { code, stderr } = await run(api, ['get', 'job-1', '--api-key', 'hidden\nkey']);
    expect(code).toBe(2);
    expect(stderr).toContain('--api-key or THROUGHLINE_API_KEY');
    expect(stderr).not.toContain('hidden');
  });

  it('is asking for nothing: that shows the help on stderr', async () => {
    const { code, stdout, stderr } = await ended(start([]));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: throughline/);
  });
});

describe.concurrent('an API that does not give a job', () => {
  it.each([
    [400, 'request-invalid', 2],
    [401, 'unauthenticated', 5],
    [404, 'job-unknown', 2],
    [413, 'payload-too-large', 2],
    [422, 'input-invalid', 2],
    [500, 'internal', 3],
    [503, 'broker-unavailable', 3],
    [503, 'stream-full', 3],
    [409, 'of-a-later-version', 2],
  ])('is told apart: %i %s ends with %i', async (status, code, exitCode) => {
    const type = `urn:throughline:problem:${code}`;
    const problem = { type, title: 't', status, code, detail: 'why', traceId: TRACE_ID };
    const api = await serve(() => answer(status, problem, { 'content-type': 'application/problem+json' }));
    const [json, human] = await Promise.all([
      run(api, ['get', 'job-1', '--json']),
      run(api, ['submit', 'echo']),
    ]);
    expect(json).toMatchObject({ code: exitCode, stdout: '' });
    expect(JSON.parse(json.stderr)).toMatchObject(problem);
    expect(human).toMatchObject({ code: exitCode, stdout: '' });
    expect(human.stderr).toMatch(/^error: why \([a-z-]+\)\n/);
    expect(human.stderr).toContain(`trace ${TRACE_ID}`);
  });

  it.each([
    ['an error page', answer(502, '<html>bad gateway</html>'), 3, 'HTTP status 502'],
    ['a page that is no API', answer(200, '<html>hello</html>'), 3, 'not a job'],
    ['JSON that is no job', answer(200, { state: 'succeeded' }), 3, 'not a job'],
    ['a redirect', answer(302, '', { location: 'http://elsewhere.test/' }), 3, 'HTTP status 302'],
  ])('but %s is an error that names the address', async (_, given, code, message) => {
    const api = await serve(() => given);
    const { stderr, ...result } = await run(api, ['get', 'job-1']);
    expect(result).toEqual({ code, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain(`${api.url}/v1/jobs/job-1`);
  });

  it('because nobody listens is one clear sentence, with a hint', async () => {
    const url = await nowhere();
    const { code, stdout, stderr } = await run({ url }, ['get', 'job-1']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr.split('\n')).toEqual([
      `error: cannot reach the API at ${url}/v1/jobs/job-1: connection refused`,
      expect.stringContaining('--url or THROUGHLINE_URL'),
      '',
    ]);
  });

  it('because the connection is cut names the trace that may have been started', async () => {
    const api = await serve((_, response) => void response.destroy());
    const environment = { TRACEPARENT: `00-${TRACE_ID}-${SPAN_ID}-01` };
    const { code, stderr } = await run(api, ['submit', 'echo', '--json'], { environment });
    expect(code).toBe(3);
    expect(JSON.parse(stderr)).toMatchObject({
      code: 'api-unreachable',
      detail: expect.stringContaining('the connection was cut'),
      traceId: TRACE_ID,
    });
  });

  it('cannot act on the terminal', async () => {
    const hostile = '\u001b]0;owned\u0007\u009b2J\u202e';
    const detail = {
      code: 'input-invalid',
      detail: hostile,
      violations: [{ path: hostile, message: hostile }],
    };
    const answers = [answer(200, { ...DONE, operation: hostile, result: hostile }), answer(422, detail)];
    for (const given of answers) {
      const api = await serve(() => given);
      for (const args of [
        ['get', 'job-1'],
        ['get', 'job-1', '--json'],
      ]) {
        const { stdout, stderr } = await run(api, args);
        expect((stdout + stderr).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        expect(stdout + stderr).toContain('owned');
      }
    }
  });
});

/** An older API: it has no address for events, and what it is asked there is not kept. */
async function serveWithoutStreams(reply: () => Answer | undefined): Promise<TestServer> {
  const { url, seen } = await serve(({ path }) =>
    path?.endsWith('/events') ? answer(404, { code: 'route-unknown' }) : reply(),
  );
  return {
    url,
    get seen() {
      return seen.filter(({ path }) => !path?.endsWith('/events'));
    },
  };
}

describe.concurrent('watch, where the API has no event streams', () => {
  it('asks until the job has ended, and says nothing but the job in a pipe', async () => {
    const jobs = [JOB, RUNNING, DONE];
    const api = await serveWithoutStreams(() => answer(200, jobs.shift()));
    const { stdout, ...result } = await run(api, ['watch', 'job-1', '--json', '--api-key', API_KEY]);
    expect(result).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(DONE);
    expect(api.seen).toHaveLength(3);
    for (const { method, path, headers } of api.seen) {
      expect({ method, path }).toEqual({ method: 'GET', path: '/v1/jobs/job-1' });
      expect(headers.authorization).toBe(`Bearer ${API_KEY}`);
    }
  });

  it('ends with 1 when the job has failed', async () => {
    const api = await serveWithoutStreams(() => answer(200, FAILED));
    const { code, stdout } = await run(api, ['watch', 'job-1']);
    expect(code).toBe(1);
    expect(stdout).toContain('error      no luck (operation-failed)');
  });

  it('ends with 4 and the job as it stands when time is up', async () => {
    const api = await serveWithoutStreams(() => answer(200, RUNNING));
    const { code, stdout, stderr } = await run(api, ['watch', 'job-1', '--timeout', '300ms', '--json']);
    expect({ code, stderr, job: JSON.parse(stdout) }).toEqual({ code: 4, stderr: '', job: RUNNING });
  });

  it('bears an API that is away for a moment, but not one that never was there', async () => {
    const answers = [answer(200, RUNNING), answer(503, 'deploying'), answer(200, DONE)];
    const api = await serveWithoutStreams(() => answers.shift());
    expect((await run(api, ['watch', 'job-1'])).code).toBe(0);
    const away = await serveWithoutStreams(() => answer(503, 'deploying'));
    expect((await run(away, ['watch', 'job-1'])).code).toBe(3);
    expect(away.seen).toHaveLength(1);
  });

  it('ends at once when the API refuses, whatever it said before', async () => {
    const answers = [
      answer(200, RUNNING),
      answer(401, { code: 'unauthenticated', detail: 'the key is gone' }),
    ];
    const api = await serveWithoutStreams(() => answers.shift());
    expect((await run(api, ['watch', 'job-1'])).code).toBe(5);
  });
});

describe.concurrent('watch, by the event stream', () => {
  const event = (id: number, kind: JobEvent['kind'], more: Partial<JobEvent> = {}) => ({
    id: String(id),
    kind,
    jobId: JOB.id,
    operation: 'echo',
    attempt: 1,
    maxAttempts: 3,
    released: 0,
    acceptedAt: JOB.acceptedAt,
    at: JOB.acceptedAt,
    worker: 'w',
    traceId: TRACE_ID,
    spanId: SPAN_ID,
    ...more,
  });
  const [STARTED, PROGRESS] = [event(3, 'started'), event(5, 'progress', { progress: { fraction: 0.5 } })];
  const SUCCEEDED = event(9, 'succeeded', { result: { hello: 'world' } });
  type Sent = ReturnType<typeof event>;

  /** An API whose event stream is cut after each of these parts; the job has ended with the last. */
  async function serveStream(...parts: (readonly Sent[] | Answer)[]) {
    const left = [...parts];
    return await serve(({ path }, response) => {
      if (!path?.endsWith('/events')) return answer(200, left.length === 0 ? DONE : RUNNING);
      const part = left.shift();
      if (part === undefined) return answer(204, '');
      if ('status' in part) return part;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const sent of part)
        response.write(`:\n\nid: ${sent.id}\nevent: ${sent.kind}\ndata: ${JSON.stringify(sent)}\n\n`);
      if (left.length === 0) response.end();
      else response.write('id: 99\nevent: progress\ndata: {"cut', () => response.destroy());
      return undefined;
    });
  }
  const streamsOf = ({ seen }: TestServer) => seen.filter(({ path }) => path?.endsWith('/events'));

  it('goes on behind the last event when it is cut, and says nothing but the job in a pipe', async () => {
    const api = await serveStream([STARTED], answer(503, 'deploying'), [PROGRESS], [SUCCEEDED]);
    const { stdout, ...result } = await run(api, ['watch', 'job-1', '--json', '--api-key', API_KEY]);
    expect(result).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(DONE);
    expect(streamsOf(api).map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '3', '3', '5']);
    for (const { headers } of api.seen) expect(headers.authorization).toBe(`Bearer ${API_KEY}`);
    expect(api.seen).toHaveLength(2 + 4);
  });

  it('prints every event as a line of JSON where asked to', async () => {
    const api = await serveStream([STARTED, PROGRESS], [SUCCEEDED]);
    const { code, stdout } = await run(api, ['watch', 'job-1', '--events']);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([STARTED, PROGRESS, SUCCEEDED]);
  });

  it('prints the events of a job that has ended, and its exit code is the job’s', async () => {
    const failed = event(9, 'failed', { error: { code: 'operation-failed', message: 'no luck' } });
    const api = await serve(({ path }) =>
      path?.endsWith('/events')
        ? answer(200, `id: 9\ndata: ${JSON.stringify(failed)}\n\n`, { 'content-type': 'text/event-stream' })
        : answer(200, FAILED),
    );
    const { code, stdout } = await run(api, ['watch', 'job-1', '--events', '--json']);
    expect({ code, event: JSON.parse(stdout) }).toEqual({ code: 1, event: failed });
  });

  it('ends with 2 where events are asked for and the API has none', async () => {
    const api = await serveWithoutStreams(() => answer(200, RUNNING));
    expect((await run(api, ['watch', 'job-1', '--events'])).code).toBe(2);
  });

  it('ends with 4 and the job as the events tell when time is up', async () => {
    const api = await serve(({ path }, response) => {
      if (!path?.endsWith('/events')) return answer(200, JOB);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`id: 5\ndata: ${JSON.stringify(PROGRESS)}\n\n`);
      return undefined;
    });
    const { code, stdout } = await run(api, ['watch', 'job-1', '--timeout', '2s', '--json']);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'running', progress: { fraction: 0.5 } });
  });

  it('ends when the API refuses to go on', async () => {
    const api = await serveStream([STARTED], answer(401, { code: 'unauthenticated' }), [SUCCEEDED]);
    expect((await run(api, ['watch', 'job-1'])).code).toBe(5);
  });
});

describe.concurrent('trace', () => {
  const span = (spanId: string, more: Partial<SpanRecord> = {}): SpanRecord => ({
    service: 'throughline-edge',
    name: `span ${spanId}`,
    kind: 'SERVER',
    traceId: TRACE_ID,
    spanId,
    startMs: 1_700_000_000_000,
    durationMs: 10,
    status: 'UNSET',
    attributes: {},
    events: [],
    links: [],
    ...more,
  });
  const root = span('000000000000000a', { service: 'throughline-cli', kind: 'CLIENT' });
  const child = span('000000000000000b', { parentSpanId: root.spanId });
  const attempt = span('000000000000000c', {
    service: 'throughline-worker',
    kind: 'CONSUMER',
    parentSpanId: child.spanId,
    attributes: {
      'messaging.operation.type': 'process',
      'throughline.job.id': JOB.id,
      'throughline.job.attempt': 1,
    },
  });

  /** An API with the job, and a trace store that gives these spans one after the other, the last ones again and again. */
  async function stores(...spans: (SpanRecord[] | undefined)[]) {
    const api = await serve(() => answer(200, DONE));
    const traces = await serve(() => {
      const current = spans.length > 1 ? spans.shift() : spans[0];
      return current === undefined
        ? answer(404, { message: 'none' })
        : answer(200, { traceId: TRACE_ID, spans: current });
    });
    return { api, traces, environment: { THROUGHLINE_TRACES_URL: `${traces.url}/traces/` } };
  }

  it('waits for the spans that the chain still needs, and draws them', async () => {
    const { api, traces, environment } = await stores(
      undefined,
      [child],
      [root, child],
      [root, child, attempt],
    );
    const { code, stdout, stderr } = await run(api, ['trace', 'job-1'], { environment });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(traces.seen.map(({ path }) => path)).toEqual(Array(4).fill(`/traces/${TRACE_ID}`));
    for (const { name } of [root, child, attempt]) expect(stdout).toContain(name);
    expect(stdout).not.toContain('\u001b');
  });

  it('is the spans as JSON', async () => {
    const { api, traces } = await stores([root, child, attempt]);
    const args = ['trace', 'job-1', '--json', '--traces-url', `${traces.url}/traces`];
    const { code, stdout } = await run(api, args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ traceId: TRACE_ID, spans: [root, child, attempt] });
  });

  it('says what is missing when it does not come', async () => {
    const { api, environment } = await stores([child]);
    const [human, json] = await Promise.all([
      run(api, ['trace', 'job-1'], { environment }),
      run(api, ['trace', 'job-1', '--json'], { environment }),
    ]);
    const gaps = [
      `the parent of "${child.name}" (throughline-edge), span ${root.spanId}, is missing`,
      'the worker\'s span of attempt 1, "process echo", is missing',
    ];
    expect(human).toMatchObject({ code: 0, stderr: gaps.map((gap) => `warning: ${gap}\n`).join('') });
    expect(human.stdout).toContain(child.name);
    expect(json).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(json.stdout)).toEqual({ traceId: TRACE_ID, spans: [child], missing: gaps });
  });

  it('ends with 4 when no span comes', async () => {
    const { api, environment } = await stores(undefined);
    const { code, stdout, stderr } = await run(api, ['trace', 'job-1', '--json'], { environment });
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ code: 'spans-missing', traceId: TRACE_ID });
  });

  it('ends with 3 when the trace store is away, or is none', async () => {
    const api = await serve(() => answer(200, DONE));
    const away = { THROUGHLINE_TRACES_URL: `${await nowhere()}/traces` };
    const refused = await run(api, ['trace', 'job-1'], { environment: away });
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining(away.THROUGHLINE_TRACES_URL) });
    const other = await serve(() => answer(200, { traceId: TRACE_ID, spans: [{ name: 7 }] }));
    const unreadable = await run(api, ['trace', 'job-1', '--traces-url', other.url]);
    expect(unreadable).toMatchObject({ code: 3, stderr: expect.stringContaining('not a trace') });
  });
});

describe('the process', () => {
  it('does not crash when nobody reads its output, and keeps its exit code', async () => {
    let reply: (given: Answer) => void = () => undefined;
    const asked = Promise.withResolvers<void>();
    const api = await serve(() => {
      asked.resolve();
      return new Promise<Answer>((resolve) => {
        reply = resolve;
      });
    });
    const child = start(['get', 'job-1'], { THROUGHLINE_URL: api.url });
    const errors = child.stderr === null ? Promise.resolve('') : text(child.stderr);
    await asked.promise;
    child.stdout?.destroy();
    reply(answer(200, DONE));
    const [code] = await once(child, 'close');
    expect({ code, stderr: await errors }).toEqual({ code: 0, stderr: '' });
  });

  it.each([
    ['a submission', ['submit', 'echo', '--wait', '--json']],
    ['a watch', ['watch', 'job-1', '--json']],
  ])('ends %s with 130 at Ctrl-C, quickly, though collector and API hang', async (_, args) => {
    const asked = Promise.withResolvers<number>();
    const api = await serve(() => void asked.resolve(0));
    const collector = await serve(() => undefined);
    const child = start(args, { THROUGHLINE_URL: api.url, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    const end = ended(child);
    await asked.promise;
    const before = performance.now();
    child.kill('SIGINT');
    const { code, stdout, stderr } = await end;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(JSON.parse(stderr).code).toBe('interrupted');
    expect(performance.now() - before).toBeLessThan(3_000);
  });

  it.each([[], ['submit'], ['get'], ['watch'], ['cancel'], ['trace'], ['worker']])(
    'explains %j with examples and exit codes',
    async (...args) => {
      const { code, stdout, stderr } = await ended(start([...args, '--help']));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: throughline/);
      expect(stdout).toMatch(/\nExamples:\n(?: {2}# .*\n {2}\S.*\n)+\nExit codes:\n(?: {2}\d+ +\S.*\n)+$/);
    },
  );

  it('leaves everything behind `dev` to dev, --help too', async () => {
    const { code, stdout } = await ended(start(['dev', '--help']));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: throughline dev \[options\]\n/);
    expect((await ended(start(['dev', '--no-such-option']))).code).toBe(2);
  });

  it('tells its version', async () => {
    expect(await ended(start(['--version']))).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+/),
    });
  });

  it('takes the options of every command before and behind the name, and the nearer one wins', async () => {
    const [first, second] = [await serve(() => answer(200, DONE)), await serve(() => answer(200, DONE))];
    await ended(start(['--url', first.url, '--json', 'get', 'job-1']));
    expect(first.seen).toHaveLength(1);
    const { stdout } = await ended(
      start(['--json', '--url', first.url, 'get', 'job-1', '--url', second.url]),
    );
    expect([first.seen.length, second.seen.length]).toEqual([1, 1]);
    expect(JSON.parse(stdout)).toEqual(DONE);
  });

  it('runs a worker, whose wrong settings are bad usage too', async () => {
    const environment = { NATS_URL: 'nonsense', HEALTH_PORT: '0' };
    const { code, stderr } = await ended(start(['worker', '--json'], environment));
    expect(code).toBe(2);
    expect(stderr).toContain('NATS_URL');
  });
});
