import { describe, expect, it } from 'vitest';
import { callHere } from '../../../support/cli/in-process.ts';
import { answer, DONE, JOB, serve } from '../../../support/cli/servers.ts';

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

describe('the first request of `watch`', () => {
  const busy = (status: number, headers: Record<string, string>) => {
    const problem = { type: 'x', title: 't', status, code: 'rate-limited', detail: 'not so fast' };
    return answer(status, problem, { 'content-type': 'application/problem+json', ...headers });
  };

  it.each<[number, Record<string, string>]>([
    [429, { 'retry-after': '0' }],
    [503, { 'retry-after': '0' }],
  ])('waits out a %i of an API that is busy', async (status, headers) => {
    let refusals = 2;
    const api = await serve(() => (refusals-- > 0 ? busy(status, headers) : answer(200, DONE)));
    const { code, stdout, stderr } = await callHere(api, ['watch', 'job-1']);
    expect(stdout).toContain('succeeded');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'warning: waiting, because the API is busy: not so fast\n',
    });
  });

  it('does so within its time limit only', async () => {
    const api = await serve(() => busy(429, { 'retry-after': '60' }));
    const { code, stderr } = await callHere(api, ['watch', 'job-1', '--timeout', '2s']);
    expect({ code, asked: api.seen.length }).toEqual({ code: 2, asked: 1 });
    expect(stderr).toContain('error: not so fast (rate-limited)\n');
  });

  it('gives the next request what is left of the time', async () => {
    const answers = [busy(429, { 'retry-after': '0' })];
    const api = await serve(() => answers.shift() ?? new Promise<never>(() => undefined));
    const { code, stderr } = await callHere(api, ['watch', 'job-1', '--timeout', '3s']);
    expect({ code, asked: api.seen.length }).toEqual({ code: 3, asked: 2 });
    expect(Number(/did not answer within ([0-9.]+) s/.exec(stderr)?.[1])).toBeLessThan(3);
  });

  it.each([500, 502, 503])('ends with any other failure at once, such as %i', async (status) => {
    const api = await serve(() => busy(status, {}));
    expect(await callHere(api, ['watch', 'job-1'])).toMatchObject({ code: 3 });
    expect(api.seen).toHaveLength(1);
  });
});

it('an answer that fetch refuses without a reason is said to be the 407 that it may be', async () => {
  const api = await serve(() => answer(407, 'no', { 'proxy-authenticate': 'Basic' }));
  const { code, stderr } = await callHere(api, ['get', 'job-1']);
  expect(code).toBe(3);
  expect(stderr).toContain('does a proxy on the way ask for a password (HTTP status 407)?');
});
