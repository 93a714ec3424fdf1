import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../../../support/cleanup.ts';
import { ended as endOf, run, start } from '../../../support/cli/process.ts';
import { type Answer, answer, JOB, serve } from '../../../support/cli/servers.ts';

const HEADERS = {
  'throughline-max-attempts': '2',
  'Throughline-Timeout-Ms': '1500',
  'throughline-priority': 'high',
  'throughline-callback-url': 'https://acme.example/hook',
  'throughline-callback-events': 'failed',
};
const DEAD = {
  id: 'job-1',
  operation: 'echo',
  reason: 'operation-failed',
  attempts: 2,
  tags: ['night'],
  diedAt: JOB.acceptedAt,
  traceId: '',
  links: { self: '/s', job: '/j' },
  input: { size: 'large' },
  headers: HEADERS,
};

const ACCEPTED = answer(202, { ...JOB, id: 'job-2' });
const ARGS = ['dead-letters', 'redrive', 'job-1', '--edit'];

async function edit(editor: string, deadLetter: object = DEAD, submitted: Answer = ACCEPTED) {
  const api = await serve(({ method }) => (method === 'GET' ? answer(200, deadLetter) : submitted));
  const TMPDIR = await scratchFolder();
  const ended = await run(api, [...ARGS, '--json'], { environment: { EDITOR: editor, TMPDIR } });
  const left = (await readdir(TMPDIR, { recursive: true })).filter((name) => name.endsWith('.json'));
  const kept = await Promise.all(left.map((name) => readFile(path.join(TMPDIR, name), 'utf8')));
  const sent = api.seen.filter(({ method }) => method === 'POST');
  return { ...ended, kept, sent: sent.map(({ path, body }) => ({ path, body: JSON.parse(String(body)) })) };
}

describe('`dead-letters redrive --edit`', () => {
  it('names the setting of a place that takes no file, and submits nothing', async () => {
    const api = await serve(() => answer(200, DEAD));
    const environment = { EDITOR: 'true', TMPDIR: '/no/where' };
    const { code, stderr } = await run(api, ARGS, { environment });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining(
        'no temporary folder can be made in /no/where: it does not exist; TMPDIR',
      ),
    });
  });

  it('submits a new job with the edited input and the other fields of the dead one', async () => {
    const { code, stdout, sent, kept } = await edit('sed -i s/large/small/');
    expect({ code, id: JSON.parse(stdout).id, kept }).toEqual({ code: 0, id: 'job-2', kept: [] });
    expect(sent).toEqual([
      {
        path: '/v1/jobs',
        body: {
          operation: 'echo',
          input: { size: 'small' },
          tags: ['night'],
          maxAttempts: 2,
          timeout: '1500ms',
          priority: 'high',
          callback: { url: 'https://acme.example/hook', events: ['failed'] },
        },
      },
    ]);
  });

  it('takes a mark of UTF-8 that the editor puts before the input for no part of it', async () => {
    const { code, sent } = await edit(`sed -i -e s/large/small/ -e '1s/^/\\xef\\xbb\\xbf/'`);
    expect({ code, sent }).toEqual({
      code: 0,
      sent: [{ path: '/v1/jobs', body: expect.objectContaining({ input: { size: 'small' } }) }],
    });
  });

  it('sends nothing that the editor has not saved as UTF-8, and keeps it', async () => {
    const { code, stderr, sent, kept } = await edit(`sed -i 's/large/gr\\xfcn/'`);
    expect({ code, sent }).toEqual({ code: 2, sent: [] });
    expect(stderr).toContain('the edited input is not UTF-8: line 2, column 14');
    expect(kept).toHaveLength(1);
  });

  it.each([
    ['the input was not changed', 'true', DEAD],
    ['the editor \\"false\\" failed', 'false', DEAD],
    ['the edited input is not JSON', 'sed -i s/{/x/', DEAD],
    ['the input of this dead letter is not JSON', 'true', { ...DEAD, input: undefined, body: 'AAA=' }],
  ])('sends nothing if %s', async (message, editor, deadLetter) => {
    const { code, stderr, sent } = await edit(editor, deadLetter);
    expect({ code, sent }).toEqual({ code: 2, sent: [] });
    expect(stderr).toContain(message);
  });

  it.each([
    ['it is not JSON', 'sed -i s/{/x/', ACCEPTED, /^x/],
    ['the editor fails', 'f() { sed -i s/large/small/ "$1"; false; }; f', ACCEPTED, /small/],
    ['the API is away', 'sed -i s/large/small/', answer(503, 'away'), /small/],
  ])('keeps what was saved if %s', async (_, editor, submitted, saved) => {
    const { code, kept } = await edit(editor, DEAD, submitted);
    expect(code).not.toBe(0);
    expect(kept).toEqual([expect.stringMatching(saved)]);
  });

  it.each(['true', 'false'])('leaves no file if nothing was changed: %s', async (editor) => {
    expect((await edit(editor)).kept).toEqual([]);
  });

  it('says where it keeps what was saved', async () => {
    const api = await serve(({ method }) => (method === 'GET' ? answer(200, DEAD) : answer(503, 'away')));
    const TMPDIR = await scratchFolder();
    const { stderr } = await run(api, ARGS, { environment: { EDITOR: 'sed -i s/large/small/', TMPDIR } });
    const [, file = ''] = /what you saved is kept in (\S+)/.exec(stderr) ?? [];
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ size: 'small' });
  });

  it('leaves Ctrl-C to the editor while it runs', async () => {
    const api = await serve(({ method }) => (method === 'GET' ? answer(200, DEAD) : ACCEPTED));
    const editor = `sh -c 'echo editing; read _; sed -i s/large/small/ "$0"'`;
    const child = start(ARGS, { THROUGHLINE_URL: api.url, EDITOR: editor, TMPDIR: await scratchFolder() });
    await once(child.stdout ?? child, 'data');
    child.kill('SIGINT');
    const { code } = await endOf(child, 'saved\n');
    expect(code).toBe(0);
    expect(api.seen.map(({ method }) => method)).toEqual(['GET', 'POST']);
  });
});
