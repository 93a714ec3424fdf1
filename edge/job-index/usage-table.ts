import { addUsage, NO_USAGE, type Usage } from '../../shared/api/usage.ts';
import type { IndexEntry } from './index-entry.ts';

/** The usage of each tenant, so that its cost does not grow with the jobs. An earlier release kept it with triggers. */
export const USAGE_SCHEMA = `
  CREATE TABLE IF NOT EXISTS usage (
    tenant TEXT PRIMARY KEY, jobs INTEGER NOT NULL, bytes INTEGER NOT NULL,
    delayed_jobs INTEGER NOT NULL, delayed_bytes INTEGER NOT NULL
  ) WITHOUT ROWID;
  ${['added', 'removed', 'changed'].map((name) => `DROP TRIGGER IF EXISTS usage_${name};`).join(' ')}`;

type UsageRow = { jobs: number; bytes: number; delayed_jobs: number; delayed_bytes: number };

/** Reads what the unfinished jobs of a tenant take. What is stored of all its jobs is not here. */
export function readUsage(sql: SqlStorage, tenant: string): Usage {
  const [row] = sql.exec<UsageRow>('SELECT * FROM usage WHERE tenant = ?', tenant).toArray();
  if (row === undefined) return NO_USAGE;
  const { jobs, bytes, delayed_jobs: delayedJobs, delayed_bytes: delayedBytes } = row;
  return { ...NO_USAGE, jobs, bytes, delayedJobs, delayedBytes };
}

/** Changes of the usage of tenants. For a job that changes, subtract what it took before and add what it takes now. */
export class UsageSum {
  readonly #tenants = new Map<string, Usage>();

  /** What was added up for a tenant. */
  of(tenant: string): Usage {
    return this.#tenants.get(tenant) ?? NO_USAGE;
  }

  /** Adds what a job takes, or subtracts it. A job that has ended takes nothing. @param sign -1 to subtract */
  add({ tenant, bytes, state, due_at, finished_at }: IndexEntry, sign: 1 | -1): void {
    if (finished_at !== null) return;
    const delayed = state === 'queued' && due_at !== null ? sign : 0;
    const own = {
      ...NO_USAGE,
      jobs: sign,
      bytes: sign * bytes,
      delayedJobs: delayed,
      delayedBytes: delayed * bytes,
    };
    const sum = addUsage(this.of(tenant), own);
    if (Object.values(sum).some((value) => value !== 0)) this.#tenants.set(tenant, sum);
    else this.#tenants.delete(tenant);
  }

  /** Adds the sums to the table: a row for each tenant whose usage has changed. */
  write(sql: SqlStorage): void {
    for (const [tenant, { jobs, bytes, delayedJobs, delayedBytes }] of this.#tenants)
      sql.exec(
        `INSERT INTO usage VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant) DO UPDATE SET
          jobs = jobs + excluded.jobs, bytes = bytes + excluded.bytes,
          delayed_jobs = delayed_jobs + excluded.delayed_jobs, delayed_bytes = delayed_bytes + excluded.delayed_bytes`,
        tenant,
        jobs,
        bytes,
        delayedJobs,
        delayedBytes,
      );
  }
}
