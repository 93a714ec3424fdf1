import { describe, expect, it } from 'vitest';
import type { CancelReport } from '../../../../shared/api/cancel-many.ts';
import { callHere } from '../../../support/cli/in-process.ts';
import { answer, serve } from '../../../support/cli/servers.ts';

const DONE: CancelReport = { cancelled: [], stopping: [], failed: [], complete: true };

describe('cancel --all', () => {
  it('goes on at the cursor with the same filter, and adds the answers up', async () => {
    const api = await serve(({ body }) => {
      const isFirst = (JSON.parse(String(body)) as { cursor?: string }).cursor === undefined;
      const page = isFirst ? { cancelled: ['a'], cursor: 'next' } : { cancelled: ['b'], stopping: ['c'] };
      return answer(200, { ...DONE, ...page });
    });
    const { code, stdout } = await callHere(api, ['cancel', '--all', '--tag', 'x', '--state', 'queued']);
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
    const { code, stderr } = await callHere(api, ['cancel', '--all']);
    expect(code).toBe(3);
    expect(stderr).toContain('a was not cancelled (broker-unavailable)');
    expect(stderr).not.toContain('b was');
    const ended = await serve(() => answer(200, { ...DONE, failed: failed.slice(1) }));
    expect((await callHere(ended, ['cancel', '--all'])).code).toBe(0);
  });

  it('says when jobs may have been overlooked, and how many were cancelled before an error', async () => {
    const incomplete = await serve(() => answer(200, { ...DONE, complete: false }));
    expect((await callHere(incomplete, ['cancel', '--all'])).stderr).toContain('some jobs may be left');
    const broken = await serve(({ body }) =>
      String(body).includes('next')
        ? answer(500, { code: 'internal', title: 't', detail: 'it is broken', status: 500, type: 'x' })
        : answer(200, { ...DONE, cancelled: ['a'], cursor: 'next' }),
    );
    const { code, stderr } = await callHere(broken, ['cancel', '--all']);
    expect(code).toBe(3);
    expect(stderr).toContain('1 were cancelled before this error');
  });
});
