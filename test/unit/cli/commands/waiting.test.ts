import { expect, it } from 'vitest';
import { callHere } from '../../../support/cli/in-process.ts';
import { answer, JOB, serve } from '../../../support/cli/servers.ts';

it.each([
  ['submit', ['submit', 'echo', '1', '--wait', '2']],
  ['cancel', ['cancel', 'job-1', '--wait', '2']],
])('%s --wait says in a pipe that the job has not ended in time, and how to follow it', async (_, args) => {
  const api = await serve(() => answer(202, { ...JOB, state: 'running' }));
  const human = await callHere(api, args);
  expect(human).toMatchObject({
    code: 4,
    stderr: 'the job has not ended within 2 s; follow it with: throughline watch job-1\n',
  });
  const json = await callHere(api, [...args, '--json']);
  expect(json).toMatchObject({ code: 4, stderr: '' });
  expect(JSON.parse(json.stdout)).toMatchObject({ id: 'job-1' });
});

it.each([
  [['list'], { jobs: [], complete: true }, 'there are no such jobs\n'],
  [['schedules', 'list'], { schedules: [] }, 'there are no schedules\n'],
  [['outbox', 'list'], { jobs: [] }, 'the outbox is empty: NATS has every accepted job\n'],
  [['dead-letters', 'list'], { deadLetters: [] }, 'there are no dead letters\n'],
  [['operations'], { operations: [] }, 'no worker has announced an operation\n'],
])('%j says in a pipe that there is nothing, and not in JSON', async (args, body, sentence) => {
  const api = await serve(() => answer(200, body));
  expect(await callHere(api, args)).toMatchObject({ code: 0, stdout: '', stderr: sentence });
  expect(await callHere(api, [...args, '--json'])).toMatchObject({ code: 0, stderr: '' });
});

it('an input that does not fit is said to be missing if none was given', async () => {
  const detail = 'the input must be an object, not null';
  const problem = { type: 'x', title: 't', status: 422, code: 'input-invalid', detail };
  const api = await serve(() => answer(422, problem, { 'content-type': 'application/problem+json' }));
  const said = 'error: the input must be an object, not null (no input was given) (input-invalid)\n';
  expect((await callHere(api, ['submit', 'greet'])).stderr).toContain(said);
  expect((await callHere(api, ['submit', 'greet', 'null'])).stderr).not.toContain('no input was given');
  expect(JSON.parse((await callHere(api, ['submit', 'greet', '--json'])).stderr)).toMatchObject({ detail });
});
