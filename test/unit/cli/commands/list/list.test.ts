import { describe, expect, it } from 'vitest';
import type { JobSummary } from '../../../../../shared/api/answers/job-list.ts';
import type { JobState } from '../../../../../shared/job/job.ts';
import { callHere } from '../../../../support/cli/in-process.ts';
import { answer, JOB, serve } from '../../../../support/cli/servers.ts';

const STATES: readonly JobState[] = ['queued', 'running', 'failed', 'succeeded'];

/** Jobs of every minute, the newest first; the states take turns. */
const JOBS = Array.from({ length: 90 }, (_, place) => ({
  ...JOB,
  id: `job-${place}`,
  state: STATES[place % STATES.length] ?? 'queued',
  acceptedAt: new Date(Date.UTC(2026, 0, 1, 12) - place * 60_000).toISOString(),
}));

/** An API with {@link JOBS}, whose cursor is the number of jobs before the next page. */
const listing = () =>
  serve(({ path = '' }) => {
    const query = new URL(path, 'http://api.test').searchParams;
    const from = Number(query.get('cursor') ?? 0);
    const wanted = JOBS.filter(({ state }) => (query.get('state') ?? state) === state);
    const end = from + Number(query.get('limit') ?? 50);
    const more = end < wanted.length ? { cursor: String(end) } : {};
    return answer(200, { jobs: wanted.slice(from, end), complete: true, ...more });
  });

interface Page {
  readonly jobs: readonly JobSummary[];
  readonly cursor?: string;
}

async function pageOf(...args: string[]): Promise<Page> {
  const { code, stdout, stderr } = await callHere(await listing(), ['list', '--json', ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

const idsOf = ({ jobs }: Page): string[] => jobs.map(({ id }) => id);
const withState = (...states: JobState[]): string[] =>
  JOBS.filter(({ state }) => states.includes(state)).map(({ id }) => id);

describe('`list` finds', () => {
  it('jobs of several states, with commas or repeated', async () => {
    const wanted = withState('queued', 'failed');
    expect(idsOf(await pageOf('--state', 'queued,failed'))).toEqual(wanted.slice(0, 50));
    expect(idsOf(await pageOf('--state', 'queued', '--state', 'failed'))).toEqual(wanted.slice(0, 50));
  });

  it('no more than asked for, with a cursor that loses none and repeats none', async () => {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await pageOf(
        '--state',
        'queued,failed',
        '--limit',
        '7',
        ...(cursor ? ['--cursor', cursor] : []),
      );
      expect(page.jobs.length).toBeLessThanOrEqual(7);
      found.push(...idsOf(page));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(found).toEqual(withState('queued', 'failed'));
  });

  it('the jobs of a time, the first moment included and the last one not', async () => {
    const page = await pageOf('--since', '2026-01-01T11:50:00Z', '--until', '2026-01-01T11:58:00.000Z');
    expect(idsOf(page)).toEqual(['job-3', 'job-4', 'job-5', 'job-6', 'job-7', 'job-8', 'job-9', 'job-10']);
    expect(page.cursor).toBeUndefined();
    expect(idsOf(await pageOf('--since', '1h'))).toEqual([]);
  });

  it('reads no page of jobs that are older than asked for', async () => {
    const api = await listing();
    await callHere(api, ['list', '--all', '--since', '2026-01-01T11:50:00Z']);
    expect(api.seen).toHaveLength(1);
  });

  it.each([['--state', 'queued,failed'], ['--since', '2026-01-01T00:00:00Z'], []])(
    'all jobs of many pages with %j %s although a quota stops it now and then, and reads no page again',
    async (...args) => {
      const pages = await listing();
      const asked: string[] = [];
      let tokens = 2;
      const api = await serve(async ({ path = '' }) => {
        if (tokens-- === 0) {
          tokens = 1;
          return answer(429, { code: 'rate-limited', detail: 'too fast' }, { 'retry-after': '0' });
        }
        asked.push(path);
        return answer(200, await (await fetch(`${pages.url}${path}`)).json());
      });
      const { code, stdout } = await callHere(api, ['list', '--limit', '20', '--json', ...args]);
      expect(code).toBe(0);
      expect(JSON.parse(stdout).jobs).toHaveLength(20);
      expect(new Set(asked).size).toBe(asked.length);
    },
  );

  it.each([
    [['--since', 'yesterday'], 'It must be a duration such as 2h'],
    [['--since', '2026-13-01'], 'It must be a duration such as 2h'],
    [['--since', '1h', '--until', '2h'], '--since must be before --until'],
    [['--state', 'queued,lost'], 'It must be one of queued'],
    [['--watch', '--all'], '--watch goes with neither --cursor nor --all'],
  ])('nothing with %j, and says why', async (args, message) => {
    const api = await listing();
    const { code, stderr } = await callHere(api, ['list', ...args]);
    expect({ code, seen: api.seen }).toEqual({ code: 2, seen: [] });
    expect(stderr).toContain(message);
  });
});

it('`list --watch` prints the jobs, then each that is new or has changed, and nothing twice', async () => {
  const states: JobState[] = ['queued', 'queued', 'running', 'running', 'succeeded'];
  let looks = 0;
  const api = await serve(() => {
    const state = states[looks++];
    if (state === undefined) return answer(400, { code: 'request-invalid', detail: 'the test is over' });
    const jobs = [...(looks > 3 ? [{ ...JOB, id: 'job-2' }] : []), { ...JOB, state }];
    return answer(200, { jobs, complete: true });
  });
  const { stdout } = await callHere(api, ['list', '--watch', '1ms', '--json']);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as JobSummary);
  expect(lines.map(({ id, state }) => `${id} ${state}`)).toEqual([
    'job-1 queued',
    'job-1 running',
    'job-2 queued',
    'job-1 succeeded',
  ]);
});

describe('`list --watch`', () => {
  const OVER = answer(400, { code: 'request-invalid', detail: 'the test is over' });
  const job = (number: number) => ({ ...JOB, id: `job-${number}` });
  const idsIn = (stdout: string) =>
    stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as JobSummary).id);

  it('reads on until it comes to a job that it knows, so that it prints each new one', async () => {
    const all = Array.from({ length: 7 }, (_, index) => job(7 - index));
    let looks = 0;
    const api = await serve(({ path = '' }) => {
      const from = Number(new URL(path, 'http://api.test').searchParams.get('cursor') ?? '0');
      if (from === 0) looks++;
      if (looks > 3) return OVER;
      // First there is one job, then there are seven.
      const there = looks === 1 ? all.slice(6) : all;
      const jobs = there.slice(from, from + 2);
      const next = from + 2 < there.length ? { cursor: String(from + 2) } : {};
      return answer(200, { jobs, complete: true, ...next });
    });
    const { stdout } = await callHere(api, ['list', '--watch', '1ms', '--limit', '2', '--json']);
    expect(idsIn(stdout)).toEqual([1, 2, 3, 4, 5, 6, 7].map((number) => `job-${number}`));
  });

  it('goes on when the API is away for a moment, and says once that NATS does not answer it', async () => {
    const answers = [
      answer(200, { jobs: [job(1)], complete: true }),
      answer(502, 'away'),
      answer(200, { jobs: [job(1)], complete: false }),
      answer(200, { jobs: [job(2), job(1)], complete: false }),
    ];
    const api = await serve(() => answers.shift() ?? OVER);
    const { stdout, stderr, code } = await callHere(api, ['list', '--watch', '1ms']);
    expect(code).toBe(2);
    expect(stdout.match(/job-\d/g)).toEqual(['job-1', 'job-2']);
    expect(stderr.match(/the list may be out of date/g)).toHaveLength(1);
  });

  it('ends at once if the first look fails', async () => {
    const api = await serve(() => answer(502, 'away'));
    expect((await callHere(api, ['list', '--watch', '1ms'])).code).toBe(3);
    expect(api.seen).toHaveLength(1);
  });
});

describe('pages that lead in a circle', () => {
  /** An API whose pages are one job each, with these cursors in turn. */
  const circle = (cursors: readonly string[]) =>
    serve(({ path = '' }) => {
      const from = new URL(path, 'http://api.test').searchParams.get('cursor') ?? '';
      const next = cursors[(cursors.indexOf(from) + 1) % cursors.length];
      return answer(200, { jobs: [{ ...JOB, state: 'queued' }], complete: true, cursor: next });
    });

  it.each([
    ['one page', ['a']],
    ['three pages', ['a', 'b', 'c']],
  ])('end `list --all` with a sentence: %s', async (_, cursors) => {
    const { code, stderr } = await callHere(await circle(cursors), ['list', '--all', '--json']);
    expect([code, JSON.parse(stderr).detail]).toEqual([3, expect.stringContaining('lead in a circle')]);
  });

  it.each([
    ['list', '--state', 'failed,running'],
    ['list', '--all', '--until', '2020-01-01T00:00:00Z'],
    ['cancel', '--all', '--yes'],
    ['dead-letters', 'redrive', '--all', '--yes'],
  ])('end each command that reads on: %s %s %s %s', async (...args) => {
    const api = await serve(({ method, path = '' }) => {
      const more = { cursor: 'a' };
      if (method === 'GET')
        return answer(200, { jobs: [{ ...JOB, state: 'queued' }], complete: true, ...more });
      if (path.includes('dead-letters')) return answer(200, { redriven: ['job-1'], failed: [], ...more });
      return answer(200, { cancelled: ['job-1'], stopping: [], failed: [], complete: true, ...more });
    });
    const { code, stderr } = await callHere(api, args);
    expect([code, stderr]).toEqual([3, expect.stringContaining('lead in a circle')]);
  });
});
