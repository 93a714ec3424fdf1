import { describe, expect, it } from 'vitest';
import type { BridgeStatus } from '../../../../shared/api/answers/health.ts';
import { NO_USAGE } from '../../../../shared/api/usage.ts';
import { callHere, runHere } from '../../../support/cli/in-process.ts';
import { type Answer, answer, DONE, JOB, nowhere, serve } from '../../../support/cli/servers.ts';

const BROKEN = answer(500, 'something broke');
const PROBLEM = { title: 't', type: 'x' };
const NO_BROKER = answer(503, {
  ...PROBLEM,
  code: 'broker-unavailable',
  detail: 'NATS is away',
  status: 503,
});

/** An edge that is well, except for what it answers to some paths. */
async function edge(faults: Readonly<Record<string, Answer>>) {
  return await serve(({ path = '' }) => {
    const fault = Object.entries(faults).find(([prefix]) => path.startsWith(prefix))?.[1];
    if (fault !== undefined) return fault;
    if (path.startsWith('/readyz')) return answer(200, { status: 'ready', bridges: [] });
    if (path.startsWith('/v1/jobs/')) return answer(200, DONE);
    if (path.startsWith('/v1/jobs')) return answer(200, { jobs: [], complete: true });
    if (path.startsWith('/v1/operations')) return answer(200, { operations: [] });
    if (path.startsWith('/v1/dead-letters')) return answer(200, { deadLetters: [] });
    return answer(404, 'nothing');
  });
}

async function look(args: readonly string[], faults: Readonly<Record<string, Answer>>) {
  const { code, stdout } = await callHere(await edge(faults), [...args, '--json']);
  const { causes, wrong = causes, unasked } = JSON.parse(stdout);
  const codes = (wrong as { code: string }[]).map((cause) => cause.code);
  return { code, codes, unasked: (unasked as { part: string }[]).map(({ part }) => part) };
}

describe('an edge that says it is ready', () => {
  it.each([['status'], ['doctor']])('is not called well by %s if it fails at a request', async (command) => {
    expect(await look([command], {})).toMatchObject({ code: 0, codes: [] });
    for (const path of ['/v1/operations', '/v1/jobs?', '/v1/dead-letters'])
      for (const fault of [BROKEN, answer(200, { nonsense: true }), answer(302, '')])
        expect(await look([command], { [path]: fault })).toMatchObject({ code: 1, codes: ['edge-failing'] });
  });

  it('is not blamed for what it refuses, but is not called well either', async () => {
    const busy = { code: 'rate-limited', title: 't', detail: 'wait', status: 429, type: 'x' };
    const faults = { '/v1/dead-letters': answer(429, busy) };
    expect(await look(['status'], faults)).toMatchObject({
      code: 0,
      unasked: ['dead letters', 'NATS directly'],
    });
    const { stdout } = await callHere(await edge(faults), ['status']);
    expect(stdout).toContain('nothing is wrong in what could be asked');
  });

  it.each([['status'], ['doctor']])(
    'is not called well by %s if the key may not see all of it',
    async (command) => {
      const detail = 'this key may not read dead letters';
      const refusal = { ...PROBLEM, code: 'forbidden', detail, status: 403 };
      const faults = {
        '/v1/dead-letters': answer(403, refusal),
        '/readyz': answer(200, { status: 'ready' }),
      };
      expect(await look([command], faults)).toMatchObject({ code: 1, codes: ['scope-missing'] });
    },
  );
});

it.each([
  ['running', 'watch', ''],
  ['failed', 'dead-letters show', 'dead-letters redrive'],
])('what to do about a %s job is asked of the API that was asked about it', async (state, first, second) => {
  const error = { code: 'operation-failed', message: 'no luck' };
  const { url } = await edge({
    '/v1/jobs/': answer(200, { ...JOB, state, ...(state === 'failed' ? { error } : {}) }),
  });
  const { stdout } = await runHere(['doctor', 'job-1', '--url', url]);
  for (const command of [first, second]) expect(stdout).toContain(`throughline --url ${url} ${command}`);
});

it.each(['status', 'doctor'])(
  'what %s says to do about the outbox is asked of the API that was asked',
  async (command) => {
    const bridge: BridgeStatus = {
      bridge: 'b',
      state: 'open',
      connections: 1,
      watchedJobs: 0,
      unservedJobs: 0,
      problems: [],
      warnings: [],
      quotaUse: { ...NO_USAGE, outboxJobs: 0, outboxBytes: 0, waits: 0, streams: 0 },
      quotaRefusals: {},
      uncheckedInputs: { overBudget: 0, failed: 0, rulesChanged: 0 },
      outbox: { pending: 0, rejected: 1, published: 0, bytes: 0, oldestAgeSeconds: 0 },
    };
    const { url } = await edge({ '/readyz': answer(200, { status: 'ready', bridges: [bridge] }) });
    const { stdout } = await runHere([command, '--url', url]);
    expect(stdout).toContain(`see the reasons: throughline --url ${url} outbox list.`);
  },
);

it('bridges of another version, which cannot be read, are not taken for a scope that the key lacks', async () => {
  const later = answer(200, { status: 'ready', bridges: [{ bridge: 'b', state: 'resting' }] });
  expect(await look(['status'], { '/readyz': later })).toEqual({
    code: 0,
    codes: [],
    unasked: ['bridges and outbox', 'NATS directly'],
  });
  const { stdout } = await callHere(await edge({ '/readyz': later }), ['status']);
  expect(stdout).toContain('bridges and outbox: this program cannot read what the edge says');
});

it('a key that may not see the bridges still learns that the edge lacks NATS', async () => {
  const hidden = { ...PROBLEM, code: 'broker-unavailable', detail: 'the edge is not ready', status: 503 };
  expect(await look(['status'], { '/readyz': answer(503, hidden) })).toMatchObject({
    code: 1,
    codes: ['edge-without-nats', 'scope-missing'],
  });
});

describe('`doctor <jobId>`', () => {
  it('looks at the system if the job cannot be read', async () => {
    const away = { status: 'not-ready', detail: 'NATS does not answer', code: 'broker-unavailable' };
    expect(
      await look(['doctor', 'job-1'], { '/v1/jobs/': NO_BROKER, '/readyz': answer(503, away) }),
    ).toMatchObject({ code: 1, codes: ['edge-without-nats'] });
    for (const fault of [NO_BROKER, BROKEN, answer(200, { nonsense: true })])
      expect(await look(['doctor', 'job-1'], { '/v1/jobs/': fault })).toEqual({
        code: 1,
        codes: ['edge-failing'],
        unasked: ['job job-1', 'NATS directly'],
      });
  });

  it('does not call a job well that waits for long, if NATS was not asked', async () => {
    const causeOf = async (acceptedAt: string) => {
      const job = { ...JOB, state: 'queued', acceptedAt };
      const { stdout } = await callHere(await edge({ '/v1/jobs/': answer(200, job) }), [
        'doctor',
        'job-1',
        '--json',
      ]);
      return JSON.parse(stdout).causes[0];
    };
    const late = await causeOf('2026-01-01T00:00:00.000Z');
    expect(late).toMatchObject({
      code: 'busy',
      cause: expect.stringContaining('as far as the edge can tell'),
    });
    expect(late.advice).toMatch(/^set NATS_URL and ask again: .*host-silent/);
    expect((await causeOf(new Date().toISOString())).cause).toMatch(/^nothing is wrong/);
  });

  it('does not call a job poison whose attempts have all ended, and of which fewer are allowed now', async () => {
    const began = { worker: 'host-1', startedAt: JOB.acceptedAt, spanId: '00f067aa0ba902b7' };
    const attempt = { ...began, endedAt: JOB.acceptedAt, outcome: 'retrying' };
    const error = {
      code: 'attempts-spent',
      message: 'attempt 2 failed, and the operation allows no more than 1 now: no room',
    };
    const attempts = [
      { ...attempt, number: 1 },
      { ...attempt, number: 2 },
    ];
    const job = { ...JOB, state: 'failed', attempt: 2, maxAttempts: 1, error };
    const codesOf = async (more: object) =>
      (await look(['doctor', 'job-1'], { '/v1/jobs/': answer(200, { ...job, ...more }) })).codes;
    expect(await codesOf({ attempts })).toContain('failed');
    expect(await codesOf({ attempts })).not.toContain('poison-job');
    // Without the attempts, only the code is known.
    expect(await codesOf({})).toContain('poison-job');
  });

  it('says first how a job failed, and then that an earlier attempt was lost', async () => {
    const began = { worker: 'host-1', startedAt: JOB.acceptedAt, spanId: '00f067aa0ba902b7' };
    const error = { code: 'operation-failed', message: 'the shop answered 500' };
    const attempts = [
      { ...began, number: 1, outcome: 'lost' },
      { ...began, number: 2, outcome: 'failed', endedAt: JOB.acceptedAt, error },
    ];
    const job = { ...JOB, state: 'failed', attempt: 2, maxAttempts: 2, error, attempts };
    const api = await edge({ '/v1/jobs/': answer(200, job) });
    const { stdout } = await callHere(api, ['doctor', 'job-1', '--json']);
    expect(JSON.parse(stdout).causes).toMatchObject([
      { code: 'failed', evidence: ['attempt 2 of 2: the shop answered 500 (operation-failed)'] },
      {
        code: 'poison-job',
        cause: expect.stringMatching(/^an attempt of the job ended without a word: its host was/),
      },
    ]);
  });

  it('ends with 2 if there is no such job', async () => {
    const unknown = { code: 'job-unknown', title: 't', detail: 'no such job', status: 404, type: 'x' };
    const api = await edge({ '/v1/jobs/': answer(404, unknown) });
    expect((await callHere(api, ['doctor', 'job-1'])).code).toBe(2);
  });
});

it('a server that cannot be reached is explained in words, whichever it is', async () => {
  const nobody = await nowhere();
  const api = await edge({});
  const wordsOf = async (args: readonly string[], environment: Record<string, string>) => {
    const { stdout, stderr } = await callHere(api, args, { environment });
    return stdout + stderr;
  };
  const doctor = ['doctor', 'job-1'];
  for (const [args, environment] of [
    [['status'], { THROUGHLINE_URL: nobody }],
    [doctor, { OTEL_EXPORTER_OTLP_ENDPOINT: nobody }],
    [doctor, { THROUGHLINE_TRACES_URL: nobody }],
    [['logs', 'job-1'], { THROUGHLINE_LOGS_URL: `${nobody}/{jobId}` }],
  ] as const)
    expect(await wordsOf(args, environment)).toMatch(/cannot reach the [\w ]+ at \S+: connection refused/);
});
