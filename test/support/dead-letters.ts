import { writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { DeadLetterPage } from '../../shared/api/answers/dead-letter.ts';
import { Job } from '../../shared/job/job.ts';
import { until } from './poll.ts';
import type { Caller } from './tenants.ts';

/** An id that no job has. */
export const UNKNOWN_ID = '00000000-0000-7000-8000-000000000000';

/** Requests of tenants about dead letters. */
interface DeadLetters<Tenant extends string> {
  /** A request as a tenant. */
  readonly call: (tenant: Tenant, url: string, init?: RequestInit) => Promise<Response>;
  readonly post: (tenant: Tenant, url: string, body?: unknown, headers?: object) => Promise<Response>;
  /** Submits a job that does what `input` says. */
  readonly submit: (tenant: Tenant, input: unknown, more?: object, headers?: object) => Promise<Job>;
  readonly read: (tenant: Tenant, id: string) => Promise<Job>;
  /** Waits until the job is in a state, and gives it. */
  readonly inState: (tenant: Tenant, id: string, state: Job['state']) => Promise<Job>;
  /** A job in the dead letters. It succeeds after a redrive once the file `gate` is removed. */
  readonly dead: (tenant: Tenant, gate: string, headers?: object) => Promise<Job>;
  readonly list: (tenant: Tenant, query?: string) => Promise<DeadLetterPage>;
}

/** @param edge gives the edge's address; asked at each call */
export function deadLetters<Tenant extends string>(
  callers: Readonly<Record<Tenant, Caller>>,
  edge: () => string,
): DeadLetters<Tenant> {
  const call: DeadLetters<Tenant>['call'] = (tenant, url, init) => callers[tenant].call(edge(), url, init);
  const post: DeadLetters<Tenant>['post'] = (tenant, url, body, headers = {}) =>
    call(tenant, url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const submit: DeadLetters<Tenant>['submit'] = async (tenant, input, more = {}, headers = {}) => {
    const response = await post(tenant, '/v1/jobs', { operation: 'test.mode', input, ...more }, headers);
    return Job.parse(await response.json());
  };
  const read: DeadLetters<Tenant>['read'] = async (tenant, id) =>
    Job.parse(await (await call(tenant, `/v1/jobs/${id}`)).json());
  const inState: DeadLetters<Tenant>['inState'] = (tenant, id, state) =>
    until(`job ${id} to be ${state}`, async () => {
      const job = await read(tenant, id);
      return job.state === state && job;
    });
  const dead: DeadLetters<Tenant>['dead'] = async (tenant, gate, headers = {}) => {
    await writeFile(gate, '');
    const input = { mode: 'fail-while', gate, effects: `${gate}.effects` };
    const job = await submit(tenant, input, { maxAttempts: 1 }, headers);
    return await inState(tenant, job.id, 'failed');
  };
  const list: DeadLetters<Tenant>['list'] = async (tenant, query = '') => {
    const response = await call(tenant, `/v1/dead-letters${query}`);
    expect(response.status).toBe(200);
    return DeadLetterPage.parse(await response.json());
  };
  return { call, post, submit, read, inState, dead, list };
}

export const idsOf = ({ deadLetters }: DeadLetterPage): string[] => deadLetters.map(({ id }) => id);
