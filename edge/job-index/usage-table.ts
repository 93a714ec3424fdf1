import { NO_USAGE, type Usage } from '../../shared/api/usage.ts';

const IS_DELAYED = (row: string): string =>
  `(${row}.state = 'queued' AND ${row}.due_at IS NOT NULL AND ${row}.finished_at IS NULL)`;

/** A statement that adds a row of `jobs` to the usage of its tenant, or takes it away. */
function count(row: 'NEW' | 'OLD', sign: '' | '-'): string {
  const open = `(${row}.finished_at IS NULL)`;
  return `INSERT INTO usage VALUES (${row}.tenant, ${sign}${open}, ${sign}${open} * ${row}.bytes,
      ${sign}${IS_DELAYED(row)}, ${sign}${IS_DELAYED(row)} * ${row}.bytes)
    ON CONFLICT (tenant) DO UPDATE SET jobs = jobs + excluded.jobs, bytes = bytes + excluded.bytes,
      delayed_jobs = delayed_jobs + excluded.delayed_jobs, delayed_bytes = delayed_bytes + excluded.delayed_bytes;`;
}

/** The usage of each tenant, which triggers keep in step with the table `jobs`. So its cost does not grow with the jobs. */
export const USAGE_SCHEMA = `
  CREATE TABLE IF NOT EXISTS usage (
    tenant TEXT PRIMARY KEY, jobs INTEGER NOT NULL, bytes INTEGER NOT NULL,
    delayed_jobs INTEGER NOT NULL, delayed_bytes INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TRIGGER IF NOT EXISTS usage_added AFTER INSERT ON jobs BEGIN ${count('NEW', '')} END;
  CREATE TRIGGER IF NOT EXISTS usage_removed AFTER DELETE ON jobs BEGIN ${count('OLD', '-')} END;
  CREATE TRIGGER IF NOT EXISTS usage_changed AFTER UPDATE ON jobs
    WHEN (NEW.finished_at IS NULL) <> (OLD.finished_at IS NULL) OR NEW.bytes <> OLD.bytes
      OR ${IS_DELAYED('NEW')} <> ${IS_DELAYED('OLD')}
    BEGIN ${count('OLD', '-')} ${count('NEW', '')} END;`;

type UsageRow = { jobs: number; bytes: number; delayed_jobs: number; delayed_bytes: number };

/** Reads what the unfinished jobs of a tenant take. */
export function readUsage(sql: SqlStorage, tenant: string): Usage {
  const [row] = sql.exec<UsageRow>('SELECT * FROM usage WHERE tenant = ?', tenant).toArray();
  if (row === undefined) return NO_USAGE;
  const { jobs, bytes, delayed_jobs: delayedJobs, delayed_bytes: delayedBytes } = row;
  return { jobs, bytes, delayedJobs, delayedBytes };
}
