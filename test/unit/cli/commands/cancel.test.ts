import { describe, expect, it } from 'vitest';
import type { CancelReport } from '../../../../shared/api/answers/cancel-report.ts';
import { DEAD_LETTER } from '../../../support/cli/fake-api.ts';
import { callHere } from '../../../support/cli/in-process.ts';
import { ended, start } from '../../../support/cli/process.ts';
import { answer, JOB, serve } from '../../../support/cli/servers.ts';

const DONE: CancelReport = { cancelled: [], stopping: [], failed: [], complete: true };

describe('cancel --all', () => {
  it('goes on at the cursor with the same filter, and adds the answers up', async () => {
    const api = await serve(({ body }) => {
      const isFirst = (JSON.parse(String(body)) as { cursor?: string }).cursor === undefined;
      const page = isFirst ? { cancelled: ['a'], cursor: 'next' } : { cancelled: ['b'], stopping: ['c'] };
      return answer(200, { ...DONE, ...page });
    });
    const { code, stdout } = await callHere(api, [
      'cancel',
      '--all',
      '--yes',
      '--tag',
      'x',
      '--state',
      'queued',
    ]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '2 cancelled, 1 told to end\n' });
    expect(api.seen.map(({ path, body }) => [path, JSON.parse(String(body))])).toEqual([
      ['/v1/jobs/cancel', { tags: ['x'], state: 'queued' }],
      ['/v1/jobs/cancel', { tags: ['x'], state: 'queued', cursor: 'next' }],
    ]);
  });

  it('ends with 3 and names the jobs that could not be cancelled, but not those that had ended', async () => {
    const failed = [
      { id: 'a', code: 'broker-unavailable' },
      { id: 'b', code: 'job-finished' },
    ];
    const api = await serve(() => answer(200, { ...DONE, failed }));
    const { code, stderr } = await callHere(api, ['cancel', '--all', '--yes']);
    expect(code).toBe(3);
    expect(stderr).toContain('a was not cancelled (broker-unavailable)');
    expect(stderr).not.toContain('b was');
    const ended = await serve(() => answer(200, { ...DONE, failed: failed.slice(1) }));
    expect((await callHere(ended, ['cancel', '--all', '--yes'])).code).toBe(0);
  });

  it('says when jobs may have been overlooked, and how many were cancelled before an error', async () => {
    const incomplete = await serve(() => answer(200, { ...DONE, complete: false }));
    expect((await callHere(incomplete, ['cancel', '--all', '--yes'])).stderr).toContain(
      'some jobs may be left',
    );
    const broken = await serve(({ body }) =>
      String(body).includes('next')
        ? answer(500, { code: 'internal', title: 't', detail: 'it is broken', status: 500, type: 'x' })
        : answer(200, { ...DONE, cancelled: ['a'], cursor: 'next' }),
    );
    const { code, stderr } = await callHere(broken, ['cancel', '--all', '--yes']);
    expect(code).toBe(3);
    expect(stderr).toContain('1 were cancelled and 0 told to end before this error');
  });
});

describe('a command that changes many jobs', () => {
  const commands = [
    ['cancel --all', 'Cancel 3 jobs? [y/N] ', '/v1/jobs/cancel'],
    ['dead-letters redrive --all', 'Redrive 1 dead letter? [y/N] ', '/v1/dead-letters/redrive'],
  ] as const;
  const system = () =>
    serve(({ path = '', method }) => {
      if (method === 'GET' && path.startsWith('/v1/jobs'))
        return answer(200, { jobs: [JOB], complete: true });
      if (method === 'GET') return answer(200, { deadLetters: [DEAD_LETTER] });
      return answer(
        200,
        path.includes('dead') ? { redriven: ['job-1'], failed: [] } : { ...DONE, cancelled: ['a'] },
      );
    });
  const changes = ({ seen }: { seen: readonly { method: string | undefined; path: string | undefined }[] }) =>
    seen.filter(({ method }) => method === 'POST').map(({ path }) => path);

  it.each(commands)(
    '%s asks at a terminal, with the count, and does it only after "y"',
    async (name, question, path) => {
      for (const [typed, wanted] of [
        ['y\n', [path]],
        ['Yes\n', [path]],
        ['\n', []],
        ['n\n', []],
        ['', []],
      ] as const) {
        const api = await system();
        const { code, stderr } = await callHere(api, name.split(' '), { stdin: typed, isTerminal: true });
        expect({ typed, code, changes: changes(api) }).toEqual({ typed, code: 0, changes: wanted });
        expect(stderr).toContain(question);
      }
    },
  );

  it.each(commands)(
    '%s needs --yes where there is no terminal, and sends nothing without it',
    async (name, _, path) => {
      const api = await system();
      const refused = await callHere(api, name.split(' '), { stdin: 'y\n' });
      expect({ code: refused.code, seen: api.seen }).toEqual({ code: 2, seen: [] });
      expect(refused.stderr).toContain('--all needs --yes here');
      expect((await callHere(api, [...name.split(' '), '--yes'])).code).toBe(0);
      expect(changes(api)).toEqual([path]);
    },
  );

  it.each([
    ['SIGINT', 130, 'interrupted', []],
    ['SIGINT', 130, 'interrupted', ['--json']],
    ['SIGTERM', 143, 'terminated', ['--json']],
  ] as const)(
    'says what was changed when %s ends it with %i (%s): %j',
    async (signal, exitCode, why, json) => {
      const second = Promise.withResolvers<void>();
      const api = await serve(({ body }) => {
        if (!String(body).includes('next'))
          return answer(200, { ...DONE, cancelled: ['a'], stopping: ['b'], cursor: 'next' });
        second.resolve();
        return undefined;
      });
      const child = start(['cancel', '--all', '--yes', ...json], { THROUGHLINE_URL: api.url });
      const done = ended(child);
      await second.promise;
      child.kill(signal);
      const { code, stdout, stderr } = await done;
      expect(code).toBe(exitCode);
      if (json.length === 0) expect(stderr).toContain('1 were cancelled and 1 told to end before this error');
      else {
        expect(JSON.parse(stderr).code).toBe(why);
        expect(JSON.parse(stdout)).toEqual({ ...DONE, cancelled: ['a'], stopping: ['b'], complete: false });
      }
    },
  );

  it.each([
    ['cancel --all --yes', { ...DONE, cancelled: ['a'] }],
    ['dead-letters redrive --all --yes', { redriven: ['a'], failed: [] }],
    ['list --all', { jobs: [JOB], complete: true }],
  ])('waits when a quota stops it in the middle, and goes on: %s', async (line, page) => {
    const busy = answer(429, { code: 'rate-limited', detail: 'too many' }, { 'retry-after': '0' });
    const answers = [answer(200, { ...page, cursor: 'next' }), busy, busy, answer(200, page)];
    const api = await serve(() => answers.shift() ?? answer(500, 'too many requests'));
    const { code, stderr } = await callHere(api, line.split(' '));
    expect({ code, left: answers.length }).toEqual({ code: 0, left: 0 });
    expect(stderr.match(/waiting, because the API is busy: too many/g)).toHaveLength(1);
  });

  it('goes on from the same cursor while others are redriven: the first one may be refused again', async () => {
    const pages = [
      { redriven: ['b'], failed: [], cursor: '1-3' },
      { redriven: ['c'], failed: [], cursor: '1-3' },
      { redriven: ['a'], failed: [] },
    ];
    const api = await serve(() => answer(200, pages.shift()));
    const { code, stdout } = await callHere(api, ['dead-letters', 'redrive', '--all', '--yes', '--json']);
    expect([code, JSON.parse(stdout)]).toEqual([0, { redriven: ['b', 'c', 'a'], failed: [] }]);
  });

  it('says why the API ended a request early, once while the reason stays the same', async () => {
    const pages = [
      { redriven: ['a'], failed: [], stopped: 'quota-exceeded', cursor: '2-4' },
      { redriven: ['b'], failed: [], stopped: 'quota-exceeded', cursor: '3-4' },
      { redriven: ['c'], failed: [] },
    ];
    const api = await serve(() => answer(200, pages.shift() ?? {}));
    const { code, stdout, stderr } = await callHere(api, ['dead-letters', 'redrive', '--all', '--yes']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '3 redriven\n' });
    expect(stderr.match(/ended a request early \(quota-exceeded\)/g)).toHaveLength(1);
  });

  it('says what was redriven when an error ends it, also to programs', async () => {
    const api = await serve(({ body }) =>
      String(body).includes('next')
        ? answer(500, 'broken')
        : answer(200, { redriven: ['a'], failed: [{ id: 'b', code: 'internal' }], cursor: 'next' }),
    );
    const args = ['dead-letters', 'redrive', '--all', '--yes'];
    expect((await callHere(api, args)).stderr).toContain('1 were redriven before this error');
    const { code, stdout } = await callHere(api, [...args, '--json']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toEqual({ redriven: ['a'], failed: [{ id: 'b', code: 'internal' }] });
  });
});
