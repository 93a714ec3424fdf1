import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { callHere, runHere } from '../../support/cli/in-process.ts';
import {
  answer,
  DONE,
  nowhere,
  SPAN_ID,
  serve,
  serveGreeting,
  serveTls,
  TRACE_ID,
} from '../../support/cli/servers.ts';

describe('a secret in wrong usage', () => {
  it.each([
    ['the password of a callback', ['submit', 'echo', '1', '--callback', 'https://u:s3cr3t@example.com/']],
    ['one with odd characters', ['submit', 'echo', '1', '--callback', 'https://u:a/@s3cr3t@example.com/']],
    ['an API key', ['config', 'set', 'production', 'tl_ci_s3cr3t-s3cr3t_s3cr3ts3cr3t']],
    ['a callback secret', ['callbacks', 'secret', 'whsec_s3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3cr3t=']],
    ['a token', ['get', 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.s3cr3t-s3cr3t_s3cr3t']],
    ['a password in an argument', ['get', 'https://u:s3cr3t@example.com/v1/jobs/1']],
  ])('is not printed: %s', async (_what, args) => {
    const api = await serve(() => answer(200, DONE));
    for (const more of [[], ['--json'], ['--debug']]) {
      const { code, stdout, stderr } = await callHere(api, [...args, ...more]);
      expect(code).toBe(2);
      expect(stdout + stderr).not.toContain('s3cr3t');
      expect(stdout + stderr).toContain('…');
    }
  });
});

describe('wrong usage', () => {
  it.each([
    [
      ['submit', 'echo', '{"a":}'],
      'the input is not JSON: line 1, column 6: a value was expected, found "}"',
    ],
    [['submit', 'echo', '@no/such/file'], 'the file "no/such/file" cannot be read: it does not exist'],
    [['submit', 'echo', `@${tmpdir()}`], 'cannot be read: it is a folder'],
    [['submit', 'echo', '@'], 'a file must be named after @, such as @input.json'],
    [['submit', '--batch', '/dev/null/jobs'], 'a part of its path is a file and no folder'],
    [['submit', 'Not.An.Operation'], 'It must be dotted lowercase words'],
    [['submit', 'echo', '--baggage', 'novalue'], 'It must be key=value'],
    [['submit', 'echo', '--baggage', `a=${'x'.repeat(9_000)}`], 'the baggage does not fit'],
    [['submit', '--wait', 'echo'], 'put --wait last'],
    [['submit', 'echo', '--wait=61'], 'a whole number from 1 to 60. To wait longer, use --follow.'],
    [['cancel', 'job-1', '--wait', '90'], 'To wait longer, use `throughline watch`.'],
    [['submit', 'echo', '--timeout', 'soon'], 'a duration such as'],
    [['submit', 'echo', '--idempotency-key', 'a b'], 'visible ASCII'],
    [['submit'], "missing required argument 'operation'"],
    [['get', '../operations'], 'A job id is'],
    [['get', ''], 'the job id is empty; is the variable set?'],
    [['trace', ''], 'the job id is empty; is the variable set?'],
    [['doctor', ''], 'the job id is empty; is the variable set?'],
    [['schedules', 'show', ''], 'the name of the schedule is empty; is the variable set?'],
    [['submit', ''], 'the name of the operation is empty; is the variable set?'],
    [['submit', 'echo', ''], 'the input is empty; is the variable set?'],
    [['worker', ''], 'the operations folder is empty; is the variable set?'],
    [['init', ''], 'the folder is empty; is the variable set?'],
    [['conformance', 'worker', '--', '', 'a'], 'the command is empty; is the variable set?'],
    [['conformance', 'producer', '--', ''], 'the command is empty; is the variable set?'],
    [['get', 'job-1', '--url', ''], 'the value of --url is empty; is the variable set?'],
    [['--url', '', 'get', 'job-1'], 'the value of --url is empty; is the variable set?'],
    [['get', 'job-1', '--api-key='], 'the value of --api-key is empty; is the variable set?'],
    [['get', 'job-1', '--profile', ''], 'the value of --profile is empty; is the variable set?'],
    [['submit', '--batch', ''], 'the value of --batch is empty; is the variable set?'],
    [['submit', 'echo', '--delay', ''], 'the value of --delay is empty; is the variable set?'],
    [['list', '--cursor', ''], 'the value of --cursor is empty; is the variable set?'],
    [['trace', 'job-1', '--traces-url', ''], 'the value of --traces-url is empty; is the variable set?'],
    [['types', '--out', ''], 'the value of --out is empty; is the variable set?'],
    [['config', 'set', 'p', '--url', ''], 'the value of --url is empty; is the variable set?'],
    [['config', 'set', 'p', '--logs-url', ''], 'the value of --logs-url is empty; is the variable set?'],
    [
      ['dead-letters', 'redrive', '--all', '--yes', '--reason', ''],
      'the value of --reason is empty; is the variable set?',
    ],
    [['trace'], "missing required argument 'id'"],
    [['trace', 'job-1'], '--traces-url or THROUGHLINE_TRACES_URL'],
    [['get', 'job-1', '--url', 'nonsense'], 'must be a URL that starts with http'],
    [['sumbit'], 'Did you mean submit?'],
    [['cancel', '--all', '--state', 'queued', '--state', 'running'], '--state may be given once'],
    [['list', '--limit', '1', '--limit', '2'], '--limit may be given once'],
    [['list', '--url', 'http://one', '--url', 'http://two'], '--url may be given once'],
    [['types', '--out', '--check'], '--out needs a value, and --check is another option'],
    [['list', '--cursor', '--all'], '--cursor needs a value, and --all is another option'],
    [['pause', 'echo', '--reason', '--by'], '--reason needs a value, and --by is another option'],
    [['pause', 'echo', '--reason', 'x'.repeat(257)], 'It must have 1 to 256 characters'],
    [['pause', 'echo', '--by', ''], 'It must have 1 to 128 characters'],
    [['list', '--since', '2026-02-30'], 'a time such as 2026-01-31T12:00:00Z'],
    [['submit', 'echo', '--wiat'], 'Did you mean --wait?'],
  ])('%j ends with 2 before anything is sent', async (args, message) => {
    const api = await serve(() => answer(200, DONE));
    const [human, json] = await Promise.all([callHere(api, args), callHere(api, [...args, '--json'])]);
    expect(human).toMatchObject({ code: 2, stdout: '' });
    expect(human.stderr).toContain(message);
    expect(human.stderr).toMatch(/^error: /);
    expect(human.stderr).not.toMatch(/^ +at /m);
    expect(json).toMatchObject({ code: 2, stdout: '' });
    expect(JSON.parse(json.stderr).detail).toContain(message);
    expect(api.seen).toEqual([]);
  });

  it('never prints a key', async () => {
    const api = await serve(() => answer(200, DONE));
    const { code, stderr } = await callHere(api, ['get', 'job-1', '--api-key', 'hidden\nkey']);
    expect(code).toBe(2);
    expect(stderr).toContain('--api-key or THROUGHLINE_API_KEY');
    expect(stderr).not.toContain('hidden');
  });

  it.each([
    [['nope'], 'throughline --help'],
    [['--api-key', 'hidden', 'nope'], 'throughline --help'],
    [['keys', 'nope'], 'throughline keys --help'],
    [['help', 'nope'], 'throughline --help'],
    [['config', 'help', 'nope'], 'throughline config --help'],
  ])('names the unknown command of %j, and where the commands are', async (args, help) => {
    const { code, stdout, stderr } = await runHere(args);
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: unknown command 'nope'\n  \`${help}\` shows the commands\n`,
    });
  });

  it('without a command prints the help on stderr', async () => {
    const { code, stdout, stderr } = await runHere([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: throughline/);
  });
});

describe('an error of the API', () => {
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
  ])(
    'is printed, and its exit code tells what kind it is: %i %s ends with %i',
    async (status, code, exitCode) => {
      const type = `urn:throughline:problem:${code}`;
      const problem = { type, title: 't', status, code, detail: 'why', traceId: TRACE_ID };
      const api = await serve(() => answer(status, problem, { 'content-type': 'application/problem+json' }));
      const [json, human] = await Promise.all([
        callHere(api, ['get', 'job-1', '--json']),
        callHere(api, ['submit', 'echo', '1']),
      ]);
      expect(json).toMatchObject({ code: exitCode, stdout: '' });
      expect(JSON.parse(json.stderr)).toMatchObject(problem);
      expect(human).toMatchObject({ code: exitCode, stdout: '' });
      expect(human.stderr).toMatch(/^error: why \([a-z-]+\)\n/);
      expect(human.stderr).toContain(`trace ${TRACE_ID}`);
    },
  );

  it.each([
    ['get foo', 'GET /v1/jobs lists your jobs', 'list'],
    ['outbox retry foo', 'GET /v1/outbox lists them', 'outbox list'],
    ['dead-letters show foo', 'GET /v1/dead-letters lists them', 'dead-letters list'],
    ['schedules show foo', 'GET /v1/schedules lists your schedules', 'schedules list'],
    ['submit foo', 'see GET /v1/operations', 'operations'],
  ])('of `%s` names a command in place of the route that lists what there is', async (line, end, command) => {
    const detail = `there is no foo; ${end}`;
    const type = 'urn:throughline:problem:job-unknown';
    const problem = { type, title: 't', status: 404, code: 'job-unknown', detail };
    const api = await serve(() => answer(404, problem, { 'content-type': 'application/problem+json' }));
    expect((await callHere(api, line.split(' '))).stderr).toBe(
      `error: there is no foo (job-unknown)\n  \`throughline ${command}\` lists what there is\n`,
    );
    expect(JSON.parse((await callHere(api, [...line.split(' '), '--json'])).stderr)).toMatchObject({
      detail,
    });
  });

  it('keeps the end of its sentence if no command does the same as the route in it', async () => {
    const detail = 'there is no room; GET /v1/usage shows what is used';
    const problem = { type: 'x', title: 't', status: 429, code: 'quota-exceeded', detail };
    const api = await serve(() => answer(429, problem, { 'content-type': 'application/problem+json' }));
    expect((await callHere(api, ['get', 'foo'])).stderr).toContain(`error: ${detail} (quota-exceeded)`);
  });

  it.each([
    ['an error page', answer(502, '<html>bad gateway</html>'), 3, 'HTTP status 502'],
    ['a page that is not an API', answer(200, '<html>hello</html>'), 3, 'not a job'],
    ['JSON that is not a job', answer(200, { state: 'succeeded' }), 3, 'not a job'],
    ['a redirect', answer(302, '', { location: 'http://elsewhere.test/' }), 3, 'HTTP status 302'],
  ])('names the address when the answer is %s', async (_, given, code, message) => {
    const api = await serve(() => given);
    const { stderr, ...result } = await callHere(api, ['get', 'job-1']);
    expect(result).toEqual({ code, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain(`${api.url}/v1/jobs/job-1`);
  });

  it('is one sentence with a hint when nobody listens at the address', async () => {
    const url = await nowhere();
    const { code, stdout, stderr } = await callHere({ url }, ['get', 'job-1']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr.split('\n')).toEqual([
      `error: cannot reach the API at ${url}/v1/jobs/job-1: connection refused`,
      expect.stringContaining('--url or THROUGHLINE_URL'),
      '',
    ]);
  });

  it.each([
    [
      'https:// where no TLS is spoken',
      async () => (await serve(() => answer(200, DONE))).url.replace('http', 'https'),
      'no TLS is spoken there; is it an http:// address?',
    ],
    ['http:// where TLS is spoken', serveTls, 'the connection was cut; is it an https:// address?'],
    [
      'https:// with a certificate of its own',
      async () => (await serveTls()).replace('http', 'https'),
      'the certificate of this address is not one that this machine trusts',
    ],
    ['a server of another protocol', serveGreeting, 'no HTTP is spoken there; is it an https:// address?'],
    [
      'a port that fetch never calls',
      async () => 'http://127.0.0.1:1',
      'fetch never calls this port; use another one',
    ],
    ['a host that is not there', async () => 'http://no-such-host.invalid', 'no such host'],
    [
      'an answer that is not compressed as it says',
      async () => (await serve(() => answer(200, DONE, { 'content-encoding': 'gzip' }))).url,
      'the answer is not compressed as it says',
    ],
    [
      'an answer with headers that are too large',
      async () => (await serve(() => answer(200, DONE, { 'x-large': 'x'.repeat(20_000) }))).url,
      'the headers of the answer are too large',
    ],
  ])('is one sentence when the address is wrong: %s', async (_, address, reason) => {
    const url = await address();
    const { code, stderr } = await callHere({ url }, ['get', 'job-1']);
    expect(code).toBe(3);
    expect(stderr.split('\n')).toEqual([
      `error: cannot reach the API at ${url}/v1/jobs/job-1: ${reason}`,
      expect.stringContaining('--url or THROUGHLINE_URL'),
      '',
    ]);
  });

  it.each([
    ['api.test', 'starts with http:// or https://'],
    ['localhost:8787', 'starts with http:// or https://'],
    ['http://127.0.0.1:8787/v1', 'before /v1, because /v1 is added to it'],
    ['http://127.0.0.1:8787/v1/jobs', 'before /v1, because /v1 is added to it'],
    ['http://127.0.0.1:8787?x=1', 'without credentials, query and fragment'],
  ])('is one sentence when the address is wrong, and nothing is sent: %s', async (url, fault) => {
    const { code, stderr } = await runHere(['get', 'job-1', '--url', url]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^error: --url or THROUGHLINE_URL: must be .* \(config-invalid\)\n$/),
    });
    expect(stderr).toContain(fault);
  });

  it('does not come for a slash too many at the end of the address', async () => {
    const api = await serve(() => answer(200, DONE));
    expect((await callHere({ url: `${api.url}//` }, ['get', 'job-1', '--json'])).code).toBe(0);
    expect(api.seen.map(({ path }) => path)).toEqual(['/v1/jobs/job-1']);
  });

  it('names the trace when the connection is cut, because the job may have been accepted', async () => {
    const api = await serve((_, response) => void response.destroy());
    const environment = { TRACEPARENT: `00-${TRACE_ID}-${SPAN_ID}-01` };
    const { code, stderr } = await callHere(api, ['submit', 'echo', '--json'], { environment });
    expect(code).toBe(3);
    expect(JSON.parse(stderr)).toMatchObject({
      code: 'api-unreachable',
      detail: expect.stringContaining('the connection was cut'),
      traceId: TRACE_ID,
    });
  });

  it('cannot control the terminal', async () => {
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
        const { stdout, stderr } = await callHere(api, args);
        expect((stdout + stderr).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        expect(stdout + stderr).toContain('owned');
      }
    }
  });
});

const COMMANDS = [
  'completion',
  'man',
  'logs',
  'config set',
  'config list',
  'config use',
  'config remove',
  'status',
  'doctor',
  'operations',
  'workers',
  'pause',
  'resume',
  'submit',
  'get',
  'list',
  'watch',
  'cancel',
  'trace',
  'worker',
  'setup',
  'keys create',
  'keys hash',
  'callbacks secret',
  'outbox list',
  'outbox retry',
  'outbox remove',
  'dead-letters list',
  'dead-letters show',
  'dead-letters redrive',
];

describe('--help', () => {
  it.each(['', ...COMMANDS])('explains `%s` with examples and exit codes', async (command) => {
    const { code, stdout, stderr } = await runHere([...command.split(' ').filter(Boolean), '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: throughline/);
    expect(stdout).toMatch(
      /\nExamples:\n(?: {2}# .*\n {2}\S.*\n)+\nExit codes:\n(?: {2}\d+ +\S.*\n(?: {7}\S.*\n)*)+$/,
    );
  });
});
