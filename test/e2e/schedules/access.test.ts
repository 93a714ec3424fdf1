import { beforeAll, describe, expect, it } from 'vitest';
import { type AccessScope, createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import { Schedule } from '../../../shared/api/answers/schedule.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const KEYS = {
  all: createApiKey('all'),
  other: createApiKey('other'),
  reader: createApiKey('reader'),
  text: createApiKey('text'),
  keeper: createApiKey('keeper'),
};
const TEXT = { operation: 'text.count', input: { text: 'a' }, cron: '0 0 1 1 *' };
const ECHO = { ...TEXT, operation: 'echo' };

const entry = async (id: keyof typeof KEYS, tenant: string, scopes?: readonly AccessScope[]) => ({
  id,
  tenant,
  scopes,
  hash: await hashApiKey(KEYS[id]),
});

let stack: TestStack;
beforeAll(async () => {
  const entries = await Promise.all([
    entry('all', 'acme'),
    entry('other', 'globex'),
    entry('reader', 'acme', ['schedules:read']),
    entry('text', 'acme', ['schedules:write', 'jobs:write:text.*']),
    entry('keeper', 'acme', ['schedules:write']),
  ]);
  // The audit comes all the same.
  const edge = { API_KEYS: JSON.stringify(entries), LOG_LEVEL: 'error', SCHEDULES_PER_TENANT: '3' };
  stack = await startTestStack({ operationsFolder: 'examples/operations', edge });
});

const ask = (who: keyof typeof KEYS, method: string, path: string, body?: object): Promise<Response> =>
  stack.call(`/v1/schedules/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${KEYS[who]}`,
      'content-type': 'application/json',
      // Cloudflare sets this header.
      'cf-connecting-ip': '192.0.2.7',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const send = async (who: keyof typeof KEYS, method: string, path: string, body?: object): Promise<number> =>
  (await ask(who, method, path, body)).status;

describe('a caller who may submit jobs of some operations', () => {
  it('makes and changes only schedules of these', async () => {
    expect(await send('text', 'PUT', 'mine', TEXT)).toBe(201);
    expect(await send('text', 'PUT', 'echoes', ECHO)).toBe(403);
    expect(await send('text', 'PUT', 'mine', ECHO)).toBe(403);
    expect(await send('all', 'PUT', 'theirs', ECHO)).toBe(201);
    expect(await send('text', 'PUT', 'theirs', TEXT)).toBe(403);
    expect(await send('text', 'POST', 'theirs/trigger')).toBe(403);
    expect(await send('text', 'POST', 'theirs/pause')).toBe(403);
    expect(await send('text', 'DELETE', 'theirs')).toBe(403);
    expect(await send('text', 'POST', 'mine/trigger')).toBe(202);
    expect(await send('text', 'DELETE', 'mine')).toBe(204);
    expect(await send('reader', 'GET', 'theirs')).toBe(200);
    expect(await send('reader', 'DELETE', 'theirs')).toBe(403);
    expect(await send('all', 'DELETE', 'theirs')).toBe(204);
  });
});

describe('a caller who may submit no jobs', () => {
  it('makes none by a schedule, but may pause, resume and delete schedules', async () => {
    expect(await send('keeper', 'PUT', 'kept', ECHO)).toBe(403);
    expect(await send('all', 'PUT', 'kept', ECHO)).toBe(201);
    expect(await send('keeper', 'PUT', 'kept', ECHO)).toBe(403);
    expect(await send('keeper', 'POST', 'kept/trigger')).toBe(403);
    expect(await send('keeper', 'POST', 'kept/pause')).toBe(200);
    expect(await send('keeper', 'POST', 'kept/resume')).toBe(200);
    expect(await send('keeper', 'DELETE', 'kept')).toBe(204);
    expect(await send('keeper', 'POST', 'kept/trigger')).toBe(404);
  });
});

describe('a caller who may not read schedules', () => {
  it('learns from the answer to a change only what runs and when, not what its jobs are', async () => {
    const secret = {
      input: { text: 'secret' },
      tags: ['secret'],
      callback: { url: 'https://a.example/secret', events: ['failed'] },
    };
    expect(await send('all', 'PUT', 'hidden', { ...TEXT, ...secret })).toBe(201);
    expect(await send('all', 'POST', 'hidden/trigger')).toBe(202);
    const answers = [
      await ask('text', 'POST', 'hidden/pause'),
      await ask('text', 'POST', 'hidden/resume'),
      await ask('text', 'PUT', 'hidden', { ...TEXT, ...secret }),
    ];
    for (const answer of answers) {
      const schedule = Schedule.parse(await answer.json());
      expect(schedule).toMatchObject({ name: 'hidden', cron: TEXT.cron, lastRuns: [] });
      expect(JSON.stringify(schedule)).not.toContain('secret');
    }
    expect(await (await ask('all', 'POST', 'hidden/pause')).json()).toMatchObject(secret);
    expect(await send('all', 'DELETE', 'hidden')).toBe(204);
  });
});

describe('a tenant', () => {
  it('neither sees nor changes a schedule of another one with the same name', async () => {
    expect(await send('all', 'PUT', 'same', ECHO)).toBe(201);
    expect(await send('other', 'PUT', 'same', { ...ECHO, input: 'theirs' })).toBe(201);
    expect(await send('other', 'DELETE', 'same')).toBe(204);
    expect(await send('other', 'GET', 'same')).toBe(404);
    expect(await send('all', 'GET', 'same')).toBe(200);
  });

  it('has as many schedules as it may, whatever another one has', async () => {
    const names = ['q1', 'q2', 'q3', 'q4'];
    const statuses = [];
    for (const name of names) statuses.push(await send('other', 'PUT', name, ECHO));
    expect(statuses).toEqual([201, 201, 201, 429]);
    expect(await send('all', 'PUT', 'q1', ECHO)).toBe(201);
  });
});

describe('each change and trigger of a schedule', () => {
  it('leaves a line in the audit, even one that was refused', async () => {
    await send('all', 'PUT', 'seen', ECHO);
    await send('all', 'POST', 'seen/pause');
    await send('all', 'POST', 'seen/resume');
    await send('all', 'POST', 'seen/trigger');
    await send('text', 'DELETE', 'seen');
    await send('all', 'DELETE', 'seen');
    const lines = await stack.logged(({ msg, schedule }) => msg === 'audit' && schedule === 'seen', 6);
    expect(lines.map(({ action, outcome, key_id }) => `${key_id} ${action} ${outcome}`)).toEqual([
      'all schedule-put done',
      'all schedule-pause done',
      'all schedule-resume done',
      'all schedule-trigger done',
      'text schedule-delete forbidden',
      'all schedule-delete done',
    ]);
    for (const line of lines)
      expect(line).toMatchObject({
        tenant: 'acme',
        client_address: '192.0.2.7',
        trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      });
    expect(lines[3]?.job_id).toMatch(/^sr_/);
  });
});
