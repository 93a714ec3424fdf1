import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { ended, run, start } from '../../support/cli/process.ts';
import { type Answer, answer, DONE, nowhere, SPAN_ID, serve, TRACE_ID } from '../../support/cli/servers.ts';

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
