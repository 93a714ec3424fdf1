import { expect } from 'vitest';
import { JobPage, type JobSummary } from '../../shared/api/answers/job-list.ts';
import { Job } from '../../shared/job/job.ts';
import { until } from './poll.ts';
import type { Caller } from './tenants.ts';

/** Requests of tenants about their jobs and the list of them. */
interface ListedJobs<Tenant extends string> {
  /** A request as a tenant; `url` may be of another edge. */
  readonly call: (tenant: Tenant, url: string, init?: RequestInit) => Promise<Response>;
  readonly submit: (tenant: Tenant, body: unknown) => Promise<Job>;
  /** A page of a tenant's list, of the edge at `origin`. */
  readonly list: (tenant: Tenant, query?: string, origin?: string) => Promise<JobPage>;
  /** Waits until a tenant's list shows the job in a state, and gives what it shows. */
  readonly listed: (
    tenant: Tenant,
    id: string,
    state: JobSummary['state'],
    origin?: string,
  ) => Promise<JobSummary>;
  /** Waits until the job has ended, and gives it. */
  readonly ended: (tenant: Tenant, id: string) => Promise<Job>;
}

/** @param edge gives the edge's address, unless a call names another; asked at each call */
export function listedJobs<Tenant extends string>(
  callers: Readonly<Record<Tenant, Caller>>,
  edge: () => string,
): ListedJobs<Tenant> {
  const call: ListedJobs<Tenant>['call'] = (tenant, url, init = {}) => {
    const { origin, pathname, search } = new URL(url, edge());
    const headers = { 'content-type': 'application/json' };
    return callers[tenant].call(origin, pathname + search, { ...init, headers });
  };
  const submit: ListedJobs<Tenant>['submit'] = async (tenant, body) => {
    const response = await call(tenant, '/v1/jobs', { method: 'POST', body: JSON.stringify(body) });
    expect(response.status).toBe(202);
    return Job.parse(await response.json());
  };
  const list: ListedJobs<Tenant>['list'] = async (tenant, query = '', origin = edge()) => {
    const response = await call(tenant, new URL(`/v1/jobs${query}`, origin).href);
    const body: unknown = await response.json();
    if (response.status !== 200) throw new Error(JSON.stringify(body));
    return JobPage.parse(body);
  };
  const listed: ListedJobs<Tenant>['listed'] = (tenant, id, state, origin) =>
    until(`${id} to be listed as ${state}`, async () => {
      const { jobs } = await list(tenant, '', origin);
      return jobs.find((job) => job.id === id && job.state === state);
    });
  const ended: ListedJobs<Tenant>['ended'] = (tenant, id) =>
    until(`${id} to end`, async () => {
      const job = Job.parse(await (await call(tenant, `/v1/jobs/${id}`)).json());
      return job.finishedAt !== undefined && job;
    });
  return { call, submit, list, listed, ended };
}

export const idsOf = ({ jobs }: JobPage): string[] => jobs.map(({ id }) => id);
