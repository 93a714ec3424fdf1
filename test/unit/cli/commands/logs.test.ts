import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../../../support/cleanup.ts';
import { callHere, runHere } from '../../../support/cli/in-process.ts';
import { printed, run } from '../../../support/cli/process.ts';
import { answer, DONE, JOB, nowhere, serve, TRACE_ID } from '../../../support/cli/servers.ts';

const api = () => serve(() => answer(200, DONE));

/** A log store with two streams, as Loki's `query_range` answers. */
const loki = () =>
  serve(() =>
    answer(200, {
      status: 'success',
      data: {
        resultType: 'streams',
        result: [
          {
            stream: { service: 'worker' },
            values: [
              ['1767225600500000000', '{"msg":"job started"}'],
              ['1767225600900000000', 'done\u001b[2J'],
            ],
          },
          { stream: { service: 'edge' }, values: [['1767225600100000000', '{"msg":"accepted"}', {}]] },
        ],
      },
    }),
  );

const template = (url: string): string =>
  `${url}/loki/api/v1/query_range?query=%7Bservice%3D~%22.%2B%22%7D%7C%3D%22{jobId}%22&start={start}&end={end}&trace={traceId}`;

describe('`logs`', () => {
  it('asks the log store for the lines of the job and its time, and prints them in their order', async () => {
    const [edge, store] = await Promise.all([api(), loki()]);
    const environment = { THROUGHLINE_LOGS_URL: template(store.url) };
    const text = await printed(edge, ['logs', 'job-1'], { environment });
    expect(text.split('\n')).toEqual([
      '2026-01-01T00:00:00.100Z {"msg":"accepted"}',
      '2026-01-01T00:00:00.500Z {"msg":"job started"}',
      expect.stringMatching(/^2026-01-01T00:00:00\.900Z done\S*\[2J$/),
      '',
    ]);
    expect(text).not.toContain('\u001b');
    const asked = new URL(store.seen[0]?.path ?? '', store.url).searchParams;
    expect(Object.fromEntries(asked)).toEqual({
      query: '{service=~".+"}|="job-1"',
      start: String(Date.parse(JOB.acceptedAt) - 60_000).concat('000000'),
      end: String(Date.parse(DONE.finishedAt ?? '') + 60_000).concat('000000'),
      trace: TRACE_ID,
    });
  });

  it('prints a line of JSON for each with --json', async () => {
    const [edge, store] = await Promise.all([api(), loki()]);
    const lines = await printed(edge, ['logs', 'job-1', '--json', '--logs-url', template(store.url)]);
    expect(JSON.parse(lines.split('\n')[0] ?? '')).toEqual({
      time: '2026-01-01T00:00:00.100Z',
      line: '{"msg":"accepted"}',
      labels: { service: 'edge' },
    });
  });

  it('sends the headers of the environment, except to the store of a profile, and refuses a password in an address', async () => {
    const [edge, store] = await Promise.all([api(), loki()]);
    const THROUGHLINE_LOGS_HEADERS = 'authorization=Basic%20hidden';
    const environment = { THROUGHLINE_LOGS_URL: template(store.url), THROUGHLINE_LOGS_HEADERS };
    await callHere(edge, ['logs', 'job-1'], { environment });
    const XDG_CONFIG_HOME = await scratchFolder();
    const other = { XDG_CONFIG_HOME, THROUGHLINE_LOGS_HEADERS };
    const made = ['config', 'set', 'other', '--url', edge.url, '--logs-url', template(store.url)];
    await runHere(made, { environment: other });
    await runHere(['logs', 'job-1', '--profile', 'other'], { environment: other });
    expect(store.seen.map(({ headers }) => headers.authorization)).toEqual(['Basic hidden', undefined]);
    const address = template(store.url).replace('//', '//user:hidden@');
    const { code, stderr } = await callHere(edge, ['logs', 'job-1', '--logs-url', address]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('without credentials') });
    expect(stderr).not.toContain('hidden');
  });

  it('names a store that does not answer without the query of its address, which may hold a token', async () => {
    const address = `${await nowhere()}/loki`;
    const args = ['logs', 'job-1', '--debug', '--logs-url', `${address}?token=hidden&query={jobId}`];
    const { code, stderr } = await callHere(await api(), args);
    expect(code).toBe(3);
    expect(stderr).toContain(`cannot reach the log store at ${address}: connection refused\n`);
    expect(stderr).not.toContain('hidden');
  });

  it.each([
    [
      '&limit=3',
      /^warning: the log store gave 3 lines, .* so others may be left out: raise limit in --logs-url/,
    ],
    ['&limit=1000', /^$/],
    // This store does not read it.
    ['&limit=2', /^$/],
    ['', /^$/],
  ])(
    'says that lines may be left out where the store gave as many as it gives at most: %j',
    async (query, said) => {
      const [edge, store] = await Promise.all([api(), loki()]);
      const environment = { THROUGHLINE_LOGS_URL: template(store.url) + query };
      expect((await callHere(edge, ['logs', 'job-1'], { environment })).stderr).toMatch(said);
    },
  );

  it('takes a time that no date can be for an answer that is not of Loki', async () => {
    const result = [{ stream: {}, values: [['9'.repeat(30), 'a line']] }];
    const store = await serve(() => answer(200, { data: { resultType: 'streams', result } }));
    const environment = { THROUGHLINE_LOGS_URL: template(store.url) };
    const { code, stderr } = await callHere(await api(), ['logs', 'job-1'], { environment });
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringContaining("not of Loki's query_range"),
    });
  });

  it.each([
    [undefined, 2, 'where are the logs? Use --logs-url or THROUGHLINE_LOGS_URL'],
    ['http://loki.test/', 2, 'must be an http or https URL with {jobId} or {traceId} in it'],
    ['nowhere', 3, 'cannot reach the log store'],
    ['no loki', 3, "something that is not of Loki's query_range"],
  ])('says what is wrong: %s', async (given, exitCode, message) => {
    const edge = await api();
    const url =
      given === 'nowhere'
        ? `${await nowhere()}/{jobId}`
        : given === 'no loki'
          ? `${edge.url}/{jobId}`
          : given;
    const { code, stderr } = await run(
      edge,
      ['logs', 'job-1'],
      url === undefined ? {} : { environment: { THROUGHLINE_LOGS_URL: url } },
    );
    expect({ code, stderr }).toEqual({ code: exitCode, stderr: expect.stringContaining(message) });
  });

  it.each([
    [401, 'wants other credentials (HTTP status 401)', 'THROUGHLINE_LOGS_HEADERS'],
    [403, 'wants other credentials (HTTP status 403)', 'THROUGHLINE_LOGS_HEADERS'],
    [429, 'the log store failed (HTTP status 429)', ''],
    [502, 'the log store failed (HTTP status 502)', ''],
  ])('tells a store that answers %i from one that is not Loki', async (status, message, hint) => {
    const [edge, store] = await Promise.all([api(), serve(() => answer(status, '<html>'))]);
    const environment = { THROUGHLINE_LOGS_URL: template(store.url) };
    const { code, stderr } = await run(edge, ['logs', 'job-1'], { environment });
    expect({ code, told: stderr.includes(message) && stderr.includes(hint) }).toEqual({
      code: 3,
      told: true,
    });
  });
});
