import { describe, expect, it } from 'vitest';
import { callHere } from '../../../support/cli/in-process.ts';
import { answer, serve } from '../../../support/cli/servers.ts';

describe.each([
  ['list', { jobs: [], complete: true }],
  ['schedules list', { schedules: [] }],
  ['dead-letters list', { deadLetters: [] }],
])('%s', (name, page) => {
  it('says that there are more, with the cursor, on stderr, also in a pipe', async () => {
    const api = await serve(() => answer(200, { ...page, cursor: 'c1' }));
    const { code, stdout, stderr } = await callHere(api, name.split(' '));
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: '',
      stderr: 'there are more: --cursor c1\n',
    });
  });

  it('prints the page with its cursor, and nothing else, with --json', async () => {
    const api = await serve(() => answer(200, { ...page, cursor: 'c1' }));
    const { stdout, stderr } = await callHere(api, [...name.split(' '), '--json']);
    expect({ page: JSON.parse(stdout), stderr }).toEqual({ page: { ...page, cursor: 'c1' }, stderr: '' });
  });
});
