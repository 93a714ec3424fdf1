import type { Stack } from '../../dev/stack.ts';
import type { Job } from '../../shared/job/job.ts';
import type { Tenant } from './tenants.ts';

/** Sends what was prepared. Its time is taken. */
export type Send = () => Promise<unknown>;

/** Prepares a request while NATS is near: its time is not taken. */
export type Prepare = () => Promise<Send>;

const WAIT = { prefer: 'wait=20' };

export interface DistantTenants {
  /** Has no unfinished jobs but the one of its request. */
  readonly quiet: Tenant;
  /** The same, for the requests with a new key: they come right after others of the quiet one, of which the edge has not seen the end. */
  readonly keyed: Tenant;
  /** Has some delayed jobs: more than a pooled lane may have of a tenant. */
  readonly busy: Tenant;
}

/** The requests whose times depend on how far NATS is, by what people call them. */
export function distantRequests(stack: Stack, tenants: DistantTenants): Readonly<Record<string, Prepare>> {
  const calls = new Calls(stack, tenants.quiet);
  const keyed = new Calls(stack, tenants.keyed);
  const busy = new Calls(stack, tenants.busy);
  return {
    POST: async () => () => calls.submit(),
    'POST of a tenant with delayed jobs': async () => () => busy.submit(),
    'POST, wait for the end': async () => () => calls.submit(WAIT),
    'POST, new Idempotency-Key': async () => {
      const key = keyed.newKey();
      return () => keyed.submit(key);
    },
    'POST again, of a job seen at its end': async () => {
      const key = calls.newKey();
      await calls.read(`/v1/jobs/${await calls.idOf({ ...key, ...WAIT })}`);
      return () => calls.submit(key);
    },
    'GET of a delayed job': async () => {
      const id = await busy.idOf({}, { delay: '1h' });
      return () => busy.read(`/v1/jobs/${id}`);
    },
    'GET of a job that has ended': async () => {
      const id = await calls.idOf(WAIT);
      return () => calls.read(`/v1/jobs/${id}`);
    },
    'GET again': async () => {
      const id = await calls.idOf(WAIT);
      await calls.read(`/v1/jobs/${id}`);
      return () => calls.read(`/v1/jobs/${id}`);
    },
    'the events of a job, as JSON': async () => {
      const id = await calls.idOf(WAIT);
      return () => calls.read(`/v1/jobs/${id}/events`);
    },
    'the list of jobs': async () => () => calls.read('/v1/jobs'),
    'DELETE of a delayed job': async () => {
      const id = await busy.idOf({}, { delay: '1h' });
      return () => busy.send(`/v1/jobs/${id}`, { method: 'DELETE' });
    },
  };
}

class Calls {
  readonly #stack: Stack;
  readonly #tenant: Tenant;
  #keys = 0;

  constructor(stack: Stack, tenant: Tenant) {
    this.#stack = stack;
    this.#tenant = tenant;
  }

  /** @throws Error if the answer is no success */
  async send(path: string, init: RequestInit): Promise<string> {
    const headers = {
      ...{ authorization: `Bearer ${this.#tenant.key}`, accept: 'application/json' },
      ...(init.headers as Record<string, string>),
    };
    const response = await fetch(`${this.#stack.url}${path}`, { ...init, headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text;
  }

  read(path: string): Promise<string> {
    return this.send(path, {});
  }

  submit(headers: Readonly<Record<string, string>> = {}, more: object = {}): Promise<string> {
    return this.send('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ operation: 'echo', input: 1, ...more }),
    });
  }

  async idOf(headers: Readonly<Record<string, string>>, more: object = {}): Promise<string> {
    return (JSON.parse(await this.submit(headers, more)) as Job).id;
  }

  newKey(): Record<string, string> {
    return { 'idempotency-key': `key-${++this.#keys}` };
  }
}
