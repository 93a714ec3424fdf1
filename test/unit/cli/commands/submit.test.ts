import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../../../shared/job/job.ts';
import { scratchFolder } from '../../../support/cleanup.ts';
import { callHere, runHere } from '../../../support/cli/in-process.ts';
import {
  API_KEY,
  answer,
  DONE,
  JOB,
  type Seen,
  SPAN_ID,
  serve,
  TRACE_ID,
} from '../../../support/cli/servers.ts';

const RUNNING: Job = { ...JOB, state: 'running', attempt: 1, progress: { fraction: 0.5, message: 'half' } };
const FAILED: Job = { ...DONE, state: 'failed', error: { code: 'operation-failed', message: 'no luck' } };

function bodyOf(request: Seen | undefined): unknown {
  return JSON.parse(String(request?.body));
}

describe('submit', () => {
  it('is a POST with operation, input, key and limits, and with no other header', async () => {
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
    const { code, stderr } = await callHere(api, ['submit', 'http.request', '{"a":[1]}', ...limits]);
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

  it.each([
    ['--unique-key', 'unique-existing', 'existing'],
    ['--idempotency-key', 'idempotency-replayed', 'replayed'],
  ])(
    'says that the job was there already, by its %s, in a pipe and in JSON',
    async (option, header, field) => {
      const api = await serve(() => answer(200, JOB, { [header]: 'true' }));
      const args = ['submit', 'echo', '1', option, 'daily'];
      const human = await callHere(api, args);
      expect(human).toMatchObject({ code: 0, stderr: expect.stringContaining('no new job was made') });
      const json = await callHere(api, [...args, '--json']);
      expect(json).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(json.stdout)).toEqual({ ...JOB, [field]: true });
    },
  );

  it('shows no progress of a job of a batch that has ended', async () => {
    const job = { ...DONE, progress: { fraction: 0.5, message: 'half' } };
    const api = await serve(() => answer(207, { results: [{ status: 200, job }] }));
    const { stdout } = await callHere(api, ['submit', '--batch', '-'], {
      stdin: '{"operation":"echo","input":1}',
    });
    expect(stdout).toBe('job-1 succeeded\n');
  });

  it('counts a job with the unique key until it has ended, unless the caller says otherwise', async () => {
    const api = await serve(() => answer(202, JOB));
    await callHere(api, ['submit', 'echo', '1', '--unique-key', 'daily']);
    expect(bodyOf(api.seen[0])).toMatchObject({ unique: { key: 'daily', while: 'running' } });
  });

  it('prints when a delayed job is due', async () => {
    const api = await serve(() => answer(202, { ...JOB, dueAt: '2026-01-02T00:00:00.000Z' }));
    for (const args of [
      ['submit', 'echo', '1', '--delay', '24h'],
      ['get', 'job-1'],
    ])
      expect((await callHere(api, args)).stdout).toContain('due        2026-01-02T00:00:00.000Z\n');
  });

  it('says when a limit of its operation gave the job its time', async () => {
    const api = await serve(() =>
      answer(200, { ...JOB, dueAt: '2026-01-02T00:00:00.000Z', dueBy: 'rateLimit' }),
    );
    const { stdout } = await callHere(api, ['get', 'job-1']);
    expect(stdout).toContain('due        2026-01-02T00:00:00.000Z (by the limit of its operation)\n');
  });

  it('refuses a tag that is given twice', async () => {
    const api = await serve(() => answer(202, JOB));
    const { code, stderr } = await callHere(api, [
      'submit',
      'echo',
      '1',
      '--tag',
      'a',
      '--tag',
      'b',
      '--tag',
      'a',
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain('at most once');
    expect(api.seen).toEqual([]);
  });

  it.each([
    ['--unique-while', 'queued'],
    ['--unique-for', '10m'],
    ['--unique-key', 'k', '--ordering-key', 'k'],
    ['--priority', 'low', '--ordering-key', 'k'],
  ])('refuses %s %s without what belongs to it, or with what does not', async (...options) => {
    const api = await serve(() => answer(202, JOB));
    expect((await callHere(api, ['submit', 'echo', '1', ...options])).code).toBe(2);
    expect(api.seen).toEqual([]);
  });

  it('takes its input from standard input or a file; the default is null', async () => {
    const api = await serve(() => answer(202, JOB));
    const path = join(await scratchFolder(), 'input.json');
    await writeFile(path, '{"from":"file"}');
    await callHere(api, ['submit', 'echo', '-'], { stdin: '{"from":"stdin"}\n' });
    await callHere(api, ['submit', 'echo', `@${path}`]);
    await callHere(api, ['submit', 'echo'], { stdin: '{"from":"nowhere"}' });
    expect(api.seen.map(bodyOf)).toMatchObject([
      { input: { from: 'stdin' } },
      { input: { from: 'file' } },
      { input: null },
    ]);
  });

  it('sends no trace context when it records nothing, so that the edge starts the trace', async () => {
    const api = await serve(() => answer(202, JOB));
    await callHere(api, ['submit', 'echo']);
    expect(Object.keys(api.seen[0]?.headers ?? {})).not.toContain('traceparent');
  });

  it("continues the environment's trace, and adds to its baggage", async () => {
    const api = await serve(() => answer(202, JOB));
    const environment = {
      TRACEPARENT: `00-${TRACE_ID}-${SPAN_ID}-01`,
      TRACESTATE: 'ci=1',
      BAGGAGE: 'run=7',
    };
    const pairs = ['--baggage', 'user=Adä, "x"', '--baggage=__proto__=p=q'];
    const { code } = await callHere(api, ['submit', 'echo', ...pairs], { environment });
    expect(code).toBe(0);
    expect(api.seen[0]?.headers).toMatchObject({
      traceparent: environment.TRACEPARENT,
      tracestate: 'ci=1',
      baggage: 'run=7,user=Ad%C3%A4%2C%20%22x%22,__proto__=p%3Dq',
    });
  });

  it('leaves a trace in the environment out that is not valid, and warns once', async () => {
    const api = await serve(() => answer(202, JOB));
    const environment = { TRACEPARENT: `00-${TRACE_ID}-${SPAN_ID}-0x` };
    const human = await callHere(api, ['submit', 'echo'], { environment });
    expect(human).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^warning: TRACEPARENT .*malformed.*\n$/),
    });
    const json = await callHere(api, ['submit', 'echo', '--json'], { environment });
    expect(json).toMatchObject({ code: 0, stderr: '' });
    for (const { headers } of api.seen) expect(Object.keys(headers)).not.toContain('traceparent');
  });

  it.each([
    ['--wait', 'wait=30', 200, DONE, 0],
    ['--wait=7', 'wait=7', 200, FAILED, 1],
    ['--wait=60', 'wait=60', 200, { ...DONE, state: 'cancelled' }, 1],
    ['--wait=1', 'wait=1', 202, RUNNING, 4],
  ])(
    'with %s sends `Prefer: %s`, and its exit code tells how the job ended',
    async (flag, prefer, status, job, code) => {
      const api = await serve(() => answer(status, job));
      const result = await callHere(api, ['submit', 'echo', flag, '--json']);
      expect(result).toMatchObject({ code, stderr: '' });
      expect(JSON.parse(result.stdout)).toEqual(job);
      expect(api.seen[0]?.headers.prefer).toBe(prefer);
    },
  );

  it('prints the job without colour in a pipe, and nothing on stderr', async () => {
    const api = await serve(() => answer(200, DONE));
    const { stdout, stderr } = await callHere(api, ['submit', 'echo', '--wait']);
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

  it('keeps fields of a job that a later version of the API adds', async () => {
    const job = { ...DONE, cancelledBy: 'ada' };
    const api = await serve(() => answer(200, job));
    expect(JSON.parse((await callHere(api, ['submit', 'echo', '--json'])).stdout)).toEqual(job);
  });
});

describe('submit --batch', () => {
  it('gives each job the options of the command line that the job does not have itself', async () => {
    const api = await serve(({ body }) => {
      const { jobs } = JSON.parse(String(body)) as { jobs: unknown[] };
      return answer(200, { results: jobs.map(() => ({ status: 202, job: JOB })) });
    });
    const options = [
      '--callback',
      'https://acme.example/hook',
      '--delay',
      '1h',
      '--timeout',
      '30s',
      '--max-attempts',
      '2',
    ];
    const jobs = [
      '{"operation":"echo","input":1}',
      '{"operation":"echo","input":2,"delay":"5m","maxAttempts":9}',
      '"odd"',
    ];
    const { code } = await callHere(api, ['submit', '--batch', '-', ...options], { stdin: jobs.join('\n') });
    expect(code).toBe(0);
    const given = {
      delay: '1h',
      timeout: '30s',
      maxAttempts: 2,
      callback: { url: 'https://acme.example/hook' },
    };
    expect(bodyOf(api.seen[0])).toEqual({
      jobs: [
        { operation: 'echo', input: 1, ...given },
        { operation: 'echo', input: 2, ...given, delay: '5m', maxAttempts: 9 },
        'odd',
      ],
    });
  });

  it('says of each job whether it was there already', async () => {
    const results = [
      { status: 202, job: JOB },
      { status: 200, job: { ...JOB, id: 'job-0' }, existing: true },
    ];
    const api = await serve(() => answer(207, { results }));
    const { stdout } = await callHere(api, ['submit', '--batch', '-'], { stdin: '{}\n{}' });
    expect(stdout).toBe('job-1 queued\njob-0 queued · was there already\n');
  });

  const MANY = Array.from({ length: 250 }, (_, input) => JSON.stringify({ operation: 'echo', input }));
  const accept = ({ body }: Seen) => {
    const { jobs } = JSON.parse(String(body)) as { jobs: unknown[] };
    return answer(207, { results: jobs.map(() => ({ status: 202, job: JOB })) });
  };

  it.each([
    ['night', ['night/0', 'night/100', 'night/200']],
    ['"of the night"', ['"of the night/0"', '"of the night/100"', '"of the night/200"']],
    ['k'.repeat(251), ['0', '100', '200'].map((place) => `${'k'.repeat(251)}/${place}`)],
  ])('gives each request a key of its own: %s', async (key, expected) => {
    const api = await serve(accept);
    const args = ['submit', '--batch', '-', '--idempotency-key', key];
    const { code, stderr } = await callHere(api, args, { stdin: MANY.join('\n') });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(api.seen.map(({ headers }) => headers['idempotency-key'])).toEqual(expected);
  });

  it.each(['k'.repeat(252), `"${'k'.repeat(252)}"`])(
    'refuses a key that is too long for its last request before anything is sent: %s',
    async (key) => {
      const api = await serve(accept);
      const args = ['submit', '--batch', '-', '--idempotency-key', key];
      const { code, stderr } = await callHere(api, args, { stdin: MANY.join('\n') });
      expect({ code, asked: api.seen.length }).toEqual({ code: 2, asked: 0 });
      expect(stderr).toContain('error: --idempotency-key is too long for a batch of 250 jobs\n');
      expect(stderr).toContain('leave 4 characters free');
    },
  );

  it('waits and goes on if a quota stops it in the middle', async () => {
    const refused = {
      status: 429,
      body: { type: 'x', title: 't', status: 429, code: 'rate-limited', detail: 'not so fast' },
      headers: { 'content-type': 'application/problem+json', 'retry-after': '0' },
    };
    let requests = 0;
    const api = await serve((seen) => (++requests === 2 ? refused : accept(seen)));
    const { code, stdout, stderr } = await callHere(api, ['submit', '--batch', '-'], {
      stdin: MANY.join('\n'),
    });
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'warning: waiting, because the API is busy: not so fast\n',
    });
    expect(stdout.match(/queued/g)).toHaveLength(250);
    expect(bodyOf(api.seen[2])).toEqual(bodyOf(api.seen[1]));
  });

  it('refuses --wait before anything is sent', async () => {
    const { code, stderr } = await runHere(['submit', '--batch', '-', '--wait'], { stdin: '{}' });
    expect(code).toBe(2);
    expect(stderr).toContain('--wait is for one job, not for --batch');
  });
});

describe('submit --callback', () => {
  it.each(['/hooks', 'ftp://acme.example', 'https://user:secret@acme.example/', 'https://acme.example/#x'])(
    'refuses %s before anything is sent',
    async (url) => {
      const { code, stderr } = await runHere(['submit', 'echo', '1', '--callback', url]);
      expect(code).toBe(2);
      expect(stderr).toContain('It must be an absolute http or https URL');
    },
  );
});

describe('submit --follow', () => {
  it('quotes the id in the command that it prints for the shell', async () => {
    const odd = answer(200, { ...JOB, id: '-x; rm *' }, { 'unique-existing': 'true' });
    const api = await serve(({ method }) => (method === 'POST' ? odd : answer(403, 'no')));
    const { stderr } = await callHere(api, ['submit', 'echo', '1', '--follow']);
    expect(stderr).toContain("follow it with: throughline watch -- '-x; rm *'");
  });

  it('says which job it was if it loses sight of it, and that no new job was made', async () => {
    const existing = answer(200, JOB, { 'unique-existing': 'true' });
    const api = await serve(({ method }) => (method === 'POST' ? existing : answer(403, 'no')));
    const text = await callHere(api, ['submit', 'echo', '1', '--follow']);
    expect(text.code).toBe(2);
    expect(text.stderr).toContain('no new job was made');
    expect(text.stderr).toContain('follow it with: throughline watch job-1');
    const json = await callHere(api, ['submit', 'echo', '1', '--follow', '--json']);
    expect(JSON.parse(json.stdout).id).toBe('job-1');
    expect(JSON.parse(json.stderr).code).toBe('forbidden');
  });

  it.each([
    ['succeeded', 0],
    ['failed', 1],
  ] as const)('prints the job at its end, and ends as the job did: %s', async (state, exitCode) => {
    const api = await serve(({ method }) =>
      method === 'POST' ? answer(202, JOB) : answer(200, { ...DONE, state }),
    );
    const { code, stdout, stderr } = await callHere(api, ['submit', 'echo', '1', '--follow']);
    expect(code).toBe(exitCode);
    expect(stdout).toMatch(new RegExp(`^state +${state}$`, 'm'));
    expect(stderr).toBe('job job-1\n');
    const json = await callHere(api, ['submit', 'echo', '1', '--follow', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ id: 'job-1', state });
  });

  it.each([['--wait=3'], ['--batch=x']])('is refused with %s', async (other) => {
    const args = other.startsWith('--batch') ? ['submit'] : ['submit', 'echo'];
    const { code, stderr } = await callHere({ url: 'http://127.0.0.1:9' }, [...args, '--follow', other]);
    expect(code).toBe(2);
    expect(stderr).toContain('--follow goes with neither --wait nor --batch');
  });
});
