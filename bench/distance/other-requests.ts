import { type Caller, SHORT_JOB } from './caller.ts';
import type { DistantRequest } from './distant-request.ts';

/** Requests about dead letters. */
export function deadLetterRequests(one: Caller, many: Caller): DistantRequest[] {
  const LETTERS = '/v1/dead-letters';
  const three = async (): Promise<void> => {
    // Each is dead again soon after a redrive.
    const known = JSON.parse(await many.get(LETTERS)) as { readonly deadLetters: readonly unknown[] };
    for (let there = known.deadLetters.length; there < 3; there++) await many.dead();
  };
  return [
    {
      route: 'GET /v1/dead-letters',
      when: 'three',
      prepare: async () => {
        await three();
        return { send: () => many.get(LETTERS) };
      },
    },
    {
      route: 'GET /v1/dead-letters/{id}',
      prepare: async () => {
        const path = await one.dead();
        return { send: () => one.get(path) };
      },
    },
    {
      route: 'POST /v1/dead-letters/{id}/redrive',
      prepare: async () => {
        const path = await one.dead();
        return { send: () => one.send('POST', `${path}/redrive`) };
      },
    },
    {
      route: 'POST /v1/dead-letters/redrive',
      when: 'three',
      prepare: async () => {
        await three();
        return { send: () => many.send('POST', `${LETTERS}/redrive`, { limit: 100 }) };
      },
    },
  ];
}

/** Requests about schedules. None of them is ever due. */
export function scheduleRequests(quiet: Caller): DistantRequest[] {
  const SCHEDULE = { ...SHORT_JOB, every: '365d' };
  const newPath = (): string => `/v1/schedules/${quiet.newName()}`;
  const made = async (more: object = {}): Promise<{ path: string; after: () => Promise<string> }> => {
    const path = newPath();
    await quiet.send('PUT', path, { ...SCHEDULE, ...more });
    return { path, after: () => quiet.send('DELETE', path) };
  };
  const post = (action: string, more: object = {}): DistantRequest => ({
    route: `POST /v1/schedules/{name}/${action}`,
    prepare: async () => {
      const { path, after } = await made(more);
      return { send: () => quiet.send('POST', `${path}/${action}`), after };
    },
  });
  return [
    {
      route: 'PUT /v1/schedules/{name}',
      prepare: async () => {
        const path = newPath();
        return { send: () => quiet.send('PUT', path, SCHEDULE), after: () => quiet.send('DELETE', path) };
      },
    },
    {
      route: 'GET /v1/schedules/{name}',
      prepare: async () => {
        const { path, after } = await made();
        return { send: () => quiet.get(path), after };
      },
    },
    {
      route: 'GET /v1/schedules',
      prepare: async () => {
        const { after } = await made();
        return { send: () => quiet.get('/v1/schedules'), after };
      },
    },
    {
      route: 'DELETE /v1/schedules/{name}',
      prepare: async () => {
        const { after } = await made();
        return { send: after };
      },
    },
    post('pause'),
    post('resume', { paused: true }),
    { ...post('trigger'), makesJob: true },
  ];
}

/** Requests about the system. */
export function systemRequests(quiet: Caller): DistantRequest[] {
  const get = (path: string): DistantRequest => ({
    route: `GET ${path}`,
    prepare: async () => ({ send: () => quiet.get(path) }),
  });
  return [get('/v1/operations'), get('/v1/usage'), get('/v1/outbox'), get('/readyz'), get('/metrics')];
}
