import { describe, expect, it } from 'vitest';
import { callHere } from '../../../support/cli/in-process.ts';
import { answer, JOB, SCHEDULE, type Seen, serve } from '../../../support/cli/servers.ts';

const TIMES = ['--cron', '30 2 * * *', '--time-zone', 'Europe/Berlin'];

function sentTo(requests: readonly Seen[]): string[] {
  return requests.map(({ method, path }) => `${method} ${path}`);
}

describe('schedules put', () => {
  it('sends the job and its times, and nothing that was not given', async () => {
    const api = await serve(() => answer(201, SCHEDULE));
    const args = ['schedules', 'put', 'nightly', 'echo', '{"of":"yesterday"}', ...TIMES];
    const { code, stdout } = await callHere(api, [...args, '--json']);
    expect({ code, schedule: JSON.parse(stdout) }).toEqual({ code: 0, schedule: SCHEDULE });
    expect(sentTo(api.seen)).toEqual(['PUT /v1/schedules/nightly']);
    expect(JSON.parse(String(api.seen[0]?.body))).toEqual({
      operation: 'echo',
      input: { of: 'yesterday' },
      cron: '30 2 * * *',
      timeZone: 'Europe/Berlin',
    });
  });

  it('sends every option', async () => {
    const api = await serve(() => answer(200, SCHEDULE));
    const rules = ['--every', '90s', '--catch-up', 'all', '--overlap', 'skip', '--paused'];
    const job = ['--timeout', '30s', '--max-attempts', '2', '--priority', 'low', '--tag', 'a', '--tag', 'b'];
    const callback = ['--callback', 'https://acme.example/hooks'];
    const { code } = await callHere(api, [
      'schedules',
      'put',
      'pulse',
      'echo',
      ...rules,
      ...job,
      ...callback,
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(String(api.seen[0]?.body))).toEqual({
      operation: 'echo',
      input: null,
      every: '90s',
      catchUp: 'all',
      overlap: 'skip',
      paused: true,
      timeout: '30s',
      maxAttempts: 2,
      priority: 'low',
      tags: ['a', 'b'],
      callback: { url: 'https://acme.example/hooks' },
    });
  });

  it.each([
    [['nightly', 'echo'], '--cron or --every'],
    [['nightly', 'echo', ...TIMES, '--every', '1h'], 'not both'],
    [['nightly', 'echo', '--every', '1h', '--time-zone', 'UTC'], '--time-zone goes with --cron'],
    [['nightly', 'echo', ...TIMES, '--priority', 'low', '--ordering-key', 'a'], 'leave out --priority'],
    [
      ['nightly', 'echo', '--cron', '30', '2', 'README.md', 'docs', 'edge'],
      'put the cron expression in quotes',
    ],
    [['nightly', 'echo', '{}', 'more', '--every', '1h'], 'too many arguments'],
    [['a/b', 'echo', ...TIMES], '1 to 64 letters, digits'],
    [['nightly', 'echo', ...TIMES, '--catch-up', 'some'], 'none, last, all'],
  ])('%j ends with 2 before anything is sent', async (args, message) => {
    const api = await serve(() => answer(200, SCHEDULE));
    const { code, stderr } = await callHere(api, ['schedules', 'put', ...args]);
    expect({ code, seen: api.seen }).toEqual({ code: 2, seen: [] });
    expect(stderr).toContain(message);
  });
});

describe('schedules show', () => {
  it('prints the next runs, and what became of the last ones', async () => {
    const api = await serve(() => answer(200, SCHEDULE));
    const { code, stdout } = await callHere(api, ['schedules', 'show', 'nightly']);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'schedule   nightly',
      'runs       30 2 * * * Europe/Berlin',
      'missed     only the last run is made',
      'overlap    no run while the job before has not ended',
      'operation  echo',
      'input      {"of":"yesterday"}',
      'changed    2026-01-02T00:00:00.000Z',
      'next       2026-01-04T01:30:00.000Z',
      'last       2026-01-03T01:30:00.000Z submitted job-1',
      'last       2026-01-02T01:30:00.000Z skipped (missed, 3 runs)',
      '',
    ]);
  });
});

describe('a schedule of a later API', () => {
  it('is shown with the words that this version does not know, which stay plain text', async () => {
    const lastRuns = [{ scheduledFor: '2026-01-03T01:30:00.000Z', outcome: 'later\u001b[2J' }];
    const later = { ...SCHEDULE, priority: 'top\u001b[2J', catchUp: 'some', lastRuns };
    const api = await serve(() => answer(200, later));
    const { code, stdout } = await callHere(api, ['schedules', 'show', 'nightly']);
    expect(code).toBe(0);
    expect(stdout).toContain('priority   top\\x1b[2J\n');
    expect(stdout).toContain('last       2026-01-03T01:30:00.000Z later\\x1b[2J\n');
  });
});

describe('schedules list', () => {
  it('prints a line for each schedule, with its next run', async () => {
    const { nextRuns: _, lastRuns: __, ...rest } = SCHEDULE;
    const schedules = [
      { ...rest, nextRun: '2026-01-04T01:30:00.000Z' },
      { ...rest, name: 'often', cron: undefined, timeZone: undefined, every: '90s', paused: true },
    ];
    const api = await serve(() => answer(200, { schedules, cursor: 'often' }));
    const { code, stdout } = await callHere(api, ['schedules', 'list', '--limit', '2', '--cursor', 'a']);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'nightly  echo  30 2 * * * Europe/Berlin  next 2026-01-04T01:30:00.000Z',
      'often    echo  every 90s                 paused',
      '',
    ]);
    expect(sentTo(api.seen)).toEqual(['GET /v1/schedules?limit=2&cursor=a']);
  });
});

describe('schedules delete, pause, resume and trigger', () => {
  it('delete needs no answer', async () => {
    const api = await serve(() => ({ status: 204, body: '' }));
    const { code, stdout } = await callHere(api, ['schedules', 'delete', 'nightly']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'nightly is deleted\n' });
    expect(sentTo(api.seen)).toEqual(['DELETE /v1/schedules/nightly']);
  });

  it.each(['pause', 'resume'])('%s prints the schedule', async (action) => {
    const api = await serve(() => answer(200, { ...SCHEDULE, paused: action === 'pause' }));
    const { code, stdout } = await callHere(api, ['schedules', action, 'nightly']);
    expect(code).toBe(0);
    expect(stdout.includes('it makes no runs')).toBe(action === 'pause');
    expect(sentTo(api.seen)).toEqual([`POST /v1/schedules/nightly/${action}`]);
  });

  it('trigger prints the job', async () => {
    const api = await serve(() => answer(202, JOB));
    const args = ['schedules', 'trigger', 'nightly', '--idempotency-key', 'once', '--json'];
    const { code, stdout } = await callHere(api, args);
    expect({ code, job: JSON.parse(stdout) }).toEqual({ code: 0, job: JOB });
    expect(sentTo(api.seen)).toEqual(['POST /v1/schedules/nightly/trigger']);
    expect(api.seen[0]?.headers).toMatchObject({ 'idempotency-key': 'once' });
  });
});
