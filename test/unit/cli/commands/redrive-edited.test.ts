import { describe, expect, it } from 'vitest';
import { run } from '../../../support/cli/process.ts';
import { answer, JOB, serve } from '../../../support/cli/servers.ts';

const HEADERS = {
  'throughline-max-attempts': '2',
  'Throughline-Timeout-Ms': '1500',
  'throughline-priority': 'high',
  'throughline-callback-url': 'https://acme.example/hook',
  'throughline-callback-events': 'failed',
};
const DEAD = {
  ...{ id: 'job-1', operation: 'echo', reason: 'operation-failed', attempts: 2, tags: ['night'] },
  ...{ diedAt: JOB.acceptedAt, traceId: '', links: { self: '/s', job: '/j' } },
  ...{ input: { size: 'large' }, headers: HEADERS },
};

async function edit(editor: string, deadLetter: object = DEAD) {
  const api = await serve(({ method }) =>
    method === 'GET' ? answer(200, deadLetter) : answer(202, { ...JOB, id: 'job-2' }),
  );
  const args = ['dead-letters', 'redrive', 'job-1', '--edit', '--json'];
  const ended = await run(api, args, { environment: { EDITOR: editor } });
  const sent = api.seen.filter(({ method }) => method === 'POST');
  return { ...ended, sent: sent.map(({ path, body }) => ({ path, body: JSON.parse(String(body)) })) };
}

describe('`dead-letters redrive --edit`', () => {
  it('submits a new job with the edited input and the other fields of the dead one', async () => {
    const { code, stdout, sent } = await edit('sed -i s/large/small/');
    expect({ code, id: JSON.parse(stdout).id }).toEqual({ code: 0, id: 'job-2' });
    expect(sent).toEqual([
      {
        path: '/v1/jobs',
        body: {
          ...{ operation: 'echo', input: { size: 'small' }, tags: ['night'], maxAttempts: 2 },
          ...{ timeout: '1500ms', priority: 'high' },
          callback: { url: 'https://acme.example/hook', events: ['failed'] },
        },
      },
    ]);
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
});
