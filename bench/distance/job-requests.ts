import { setTimeout as pause } from 'node:timers/promises';
import { CALLED_BACK_JOB, type Caller, DELAYED_JOB, LONG_JOB, SHORT_JOB, waitFor } from './caller.ts';
import type { DistantRequest } from './distant-request.ts';

const WAIT = { prefer: 'wait=20' };
/** A tenant with a full lane is looked at again if the last look is older. */
const LOOK_MS = 1_100;
/** From how many unfinished jobs on a tenant's lane is full. A tenant that waits for the end of each job has fewer. */
export const FULL_LANE = 40;
const LANEFUL = { jobs: Array.from({ length: FULL_LANE }, () => SHORT_JOB) };

/** Requests that submit jobs. */
export function submitRequests(
  quiet: Caller,
  { newcomer, busy }: { readonly newcomer: () => Caller; readonly busy: Caller },
): DistantRequest[] {
  const keyed = (): Record<string, string> => ({ 'idempotency-key': quiet.newName() });
  /** The bridge knows then what the tenant uses. */
  const counted = (): Promise<string> => quiet.ended();
  return [
    {
      route: 'POST /v1/jobs',
      prepare: async () => {
        await counted();
        return { send: () => quiet.submit(SHORT_JOB) };
      },
    },
    {
      route: 'POST /v1/jobs',
      when: 'new key',
      prepare: async () => {
        await counted();
        return { send: () => quiet.submit(SHORT_JOB, keyed()) };
      },
    },
    {
      route: 'POST /v1/jobs',
      when: 'wait for the end',
      prepare: async () => {
        await counted();
        return { send: () => quiet.submit(SHORT_JOB, WAIT) };
      },
    },
    {
      route: 'POST /v1/jobs',
      when: 'key of a running job',
      prepare: async () => {
        const key = keyed();
        const path = await quiet.running(key);
        return { send: () => quiet.submit(LONG_JOB, key), after: () => quiet.end(path) };
      },
    },
    {
      route: 'POST /v1/jobs',
      when: 'key of an ended job',
      prepare: async () => {
        const key = keyed();
        await quiet.get(await quiet.ended(SHORT_JOB, key));
        return { send: () => quiet.submit(SHORT_JOB, key) };
      },
    },
    {
      route: 'POST /v1/jobs',
      when: 'a new tenant',
      prepare: async () => {
        const caller = newcomer();
        return { send: () => caller.submit(SHORT_JOB), after: () => caller.idle() };
      },
    },
    {
      route: 'POST /v1/jobs',
      when: 'a full lane',
      prepare: async () => {
        const before = await quiet.running();
        await busy.send('POST', '/v1/jobs/batch', LANEFUL);
        await busy.stored(SHORT_JOB);
        await pause(LOOK_MS);
        return { send: () => busy.submit(SHORT_JOB), after: () => quiet.end(before) };
      },
    },
    {
      route: 'POST /v1/jobs/batch',
      prepare: async () => {
        await counted();
        return {
          send: () => quiet.send('POST', '/v1/jobs/batch', { jobs: [SHORT_JOB, SHORT_JOB, SHORT_JOB] }),
        };
      },
    },
  ];
}

/** Requests about jobs that are there. */
export function jobRequests(quiet: Caller, cancelled: Caller): DistantRequest[] {
  const events = (path: string): string => `${path}/events`;
  const remove = (path: string) => () => quiet.send('DELETE', path);
  /** A job that waits for one that takes the only place of the worker. */
  const queued = async (): Promise<{ path: string; after: () => Promise<void> }> => {
    const before = await quiet.running();
    return { path: await quiet.stored(SHORT_JOB), after: () => quiet.end(before) };
  };
  return [
    {
      route: 'GET /v1/jobs/{id}',
      when: 'queued',
      prepare: async () => {
        const { path, after } = await queued();
        return { send: () => quiet.get(path), after };
      },
    },
    {
      route: 'GET /v1/jobs/{id}',
      when: 'delayed',
      prepare: async () => {
        const path = await quiet.stored(DELAYED_JOB);
        return { send: () => quiet.get(path), after: () => quiet.end(path) };
      },
    },
    {
      route: 'GET /v1/jobs/{id}',
      when: 'running',
      prepare: async () => {
        const path = await quiet.running();
        return { send: () => quiet.get(path), after: () => quiet.end(path) };
      },
    },
    {
      route: 'GET /v1/jobs/{id}',
      when: 'ended',
      prepare: async () => {
        const path = await quiet.ended();
        return { send: () => quiet.get(path) };
      },
    },
    {
      route: 'GET /v1/jobs/{id}',
      when: 'ended, read before',
      prepare: async () => {
        const path = await quiet.ended();
        await quiet.get(path);
        return { send: () => quiet.get(path) };
      },
    },
    {
      route: 'GET /v1/jobs/{id}',
      when: 'unknown',
      prepare: async () => {
        const path = `/v1/jobs/${quiet.newName()}`;
        return { send: () => quiet.missing(path) };
      },
    },
    {
      route: 'GET /v1/jobs',
      when: 'no new events',
      prepare: async () => ({ send: () => quiet.get('/v1/jobs') }),
    },
    {
      route: 'GET /v1/jobs',
      when: 'new events',
      hasNewEvents: true,
      prepare: async () => {
        const path = await quiet.stored(DELAYED_JOB);
        await quiet.get('/v1/jobs');
        // A new job would make the index read the events.
        await quiet.end(path);
        return { send: () => quiet.get('/v1/jobs') };
      },
    },
    {
      route: 'GET /v1/jobs/{id}/events',
      when: 'JSON',
      prepare: async () => {
        const path = events(await quiet.ended());
        return { send: () => quiet.get(path) };
      },
    },
    {
      route: 'GET /v1/jobs/{id}/events',
      when: 'JSON, callbacks',
      prepare: async () => {
        const path = events(await quiet.ended(CALLED_BACK_JOB));
        await waitFor(`a callback in ${path}`, async () => (await quiet.get(path)).includes('"callback'));
        return { send: () => quiet.get(path) };
      },
    },
    {
      route: 'GET /v1/jobs/{id}/events',
      when: 'stream, ended',
      prepare: async () => {
        const path = events(await quiet.ended());
        return { send: () => quiet.firstEvent(path) };
      },
    },
    {
      route: 'GET /v1/jobs/{id}/events',
      when: 'stream, running',
      prepare: async () => {
        const path = await quiet.running();
        return { send: () => quiet.firstEvent(events(path)), after: () => quiet.end(path) };
      },
    },
    {
      route: 'DELETE /v1/jobs/{id}',
      when: 'queued',
      prepare: async () => {
        const { path, after } = await queued();
        return { send: remove(path), after };
      },
    },
    {
      route: 'DELETE /v1/jobs/{id}',
      when: 'delayed',
      prepare: async () => ({ send: remove(await quiet.stored(DELAYED_JOB)) }),
    },
    {
      route: 'DELETE /v1/jobs/{id}',
      when: 'running',
      prepare: async () => {
        const path = await quiet.running();
        return { send: remove(path), after: () => quiet.end(path) };
      },
    },
    {
      route: 'POST /v1/jobs/cancel',
      when: 'three queued',
      prepare: async () => {
        const before = await cancelled.running();
        for (let n = 0; n < 3; n++) await cancelled.stored(SHORT_JOB);
        return {
          send: () => cancelled.send('POST', '/v1/jobs/cancel', { state: 'queued' }),
          after: () => cancelled.end(before),
        };
      },
    },
  ];
}
