import { describe, expect, it } from 'vitest';
import { CLI_SETTING_NAMES, cliConfig, cliWarnings } from '../../../cli/config.ts';
import { callHere } from '../../support/cli/in-process.ts';
import { API_KEY, answer, JOB, type Seen, serve } from '../../support/cli/servers.ts';
import { unusedNames } from '../../support/setting-names.ts';

const TRACE = { TRACEPARENT: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };

/** The request that a submission with these variables sends, and what it prints on standard error. */
async function submitWith(environment: Record<string, string>): Promise<{ request: Seen; stderr: string }> {
  const api = await serve(() => answer(202, JOB));
  const { stderr } = await callHere(api, ['submit', 'echo', '1'], { environment });
  const [request] = api.seen;
  if (request === undefined) throw new Error('nothing was sent');
  return { request, stderr };
}

describe('every variable of the command line', () => {
  it('is used somewhere', async () => {
    expect(await unusedNames(CLI_SETTING_NAMES, 'cli', '')).toEqual([]);
  });

  it.each([
    ['THROUGHLINE_URL', { url: 'http://api.test' }, 'http://api.test', 'api.test'],
    ['THROUGHLINE_API_KEY', { apiKey: 'tl_a_b' }, 'tl_a_b', 'a b'],
    ['THROUGHLINE_TRACES_URL', { tracesUrl: 'http://traces.test' }, 'http://traces.test', 'traces.test'],
    [
      'THROUGHLINE_TRACES_HEADERS',
      { tracesHeaders: { 'x-scope-orgid': 'acme corp' } },
      'x-scope-orgid=acme%20corp',
      'x-scope-orgid',
    ],
    [
      'THROUGHLINE_LOGS_HEADERS',
      { logsHeaders: { authorization: 'Basic x' } },
      'authorization=Basic%20x',
      'authorization',
    ],
    [
      'THROUGHLINE_LOGS_URL',
      { logsUrl: 'http://loki.test/{jobId}' },
      'http://loki.test/{jobId}',
      'http://loki.test',
    ],
  ])('%s changes the settings, or is refused', (name, expected, good, wrong) => {
    expect(cliConfig({ [name]: good }, {})).toMatchObject(expected);
    expect(() => cliConfig({ [name]: wrong }, {})).toThrow(name);
  });

  it.each([
    ['TRACEPARENT', {}, TRACE.TRACEPARENT, 'nonsense'],
    ['TRACESTATE', TRACE, 'ci=1', 'A=1'],
    ['BAGGAGE', {}, 'run=7', 'a=1,b'],
  ])('%s changes the request, or is warned about', async (name, others, good, wrong) => {
    const sent = await submitWith({ ...others, [name]: good });
    expect(JSON.stringify(sent.request.headers)).toContain(good.slice(0, 36));
    expect(sent.stderr).not.toContain('warning');
    expect((await submitWith({ ...others, [name]: wrong })).stderr).toContain(name);
  });

  it('of OpenTelemetry that is wrong is ignored with a warning, and the job is submitted', async () => {
    const { stderr } = await submitWith({ OTEL_TRACES_SAMPLER: 'canary', OTEL_SDK_DISABLED: 'canary' });
    expect(stderr).toContain('warning: OTEL_TRACES_SAMPLER: must be ');
    expect(stderr).toContain('warning: OTEL_SDK_DISABLED: must be ');
    expect(stderr).not.toContain('canary');
  });
});

describe('a variable that the command line does not read', () => {
  it.each([
    ['THROUGHLINE_APIKEY', 'THROUGHLINE_API_KEY'],
    ['THROUGHLINE_TRACE_URL', 'THROUGHLINE_TRACES_URL'],
    ['TROUGHLINE_URL', 'THROUGHLINE_URL'],
    ['TRACE_PARENT', 'TRACEPARENT'],
    ['OTEL_SERVICENAME', 'OTEL_SERVICE_NAME'],
  ])('is warned about with the name that was meant: %s', async (name, meant) => {
    const { stderr } = await submitWith({ [name]: 'canary' });
    expect(stderr).toContain(
      `warning: ${name} is not a setting of the command line, so it changes nothing; did you mean ${meant}?`,
    );
    expect(stderr).not.toContain('canary');
  });

  it.each(['NATS_URL', 'WORKER_CONCURRENCY', 'PATH', 'TERM', 'CI', 'THROUGHLINE_CACHE_DIR'])(
    'is no mistake if others read it: %s',
    (name) => {
      expect(cliWarnings({ [name]: 'x' })).toEqual([]);
    },
  );

  it('does not disturb what programs read', async () => {
    const api = await serve(() => answer(202, JOB));
    const environment = { THROUGHLINE_APIKEY: API_KEY };
    expect((await callHere(api, ['get', 'job-1', '--json'], { environment })).stderr).toBe('');
  });
});

it('a variable of the command line with quotes around its value is warned about', () => {
  const quoted = {
    THROUGHLINE_API_KEY: '"tl_key"',
    THROUGHLINE_URL: "'http://api.example'",
    TERM: '"xterm"',
  };
  expect(cliWarnings(quoted)).toEqual([
    'THROUGHLINE_URL has quotes around its value, and they count',
    'THROUGHLINE_API_KEY has quotes around its value, and they count',
  ]);
});
