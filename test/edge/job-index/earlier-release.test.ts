/** The storage of an index that an earlier release has written. */
import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { IndexEntry } from '../../../edge/job-index/index-entry.ts';
import { NO_USAGE } from '../../../shared/api/usage.ts';
import { entry, newTable, START, startTables } from './table-support.ts';

let workerd: Miniflare;
beforeAll(async () => {
  workerd = await startTables();
});
afterAll(() => workerd?.dispose());

/** The tables of 0.1, in which each list had an index, and triggers counted the usage. */
const TABLES = `
  CREATE TABLE jobs (
    tenant TEXT NOT NULL, id TEXT NOT NULL, operation TEXT NOT NULL, state TEXT NOT NULL,
    attempt INTEGER NOT NULL, max_attempts INTEGER NOT NULL, durability TEXT NOT NULL,
    unserved INTEGER NOT NULL, accepted_at INTEGER NOT NULL, due_at INTEGER, started_at INTEGER, finished_at INTEGER,
    error_code TEXT, trace_id TEXT NOT NULL, previous_trace_ids TEXT NOT NULL,
    redrive_count INTEGER NOT NULL, bytes INTEGER NOT NULL, tags TEXT NOT NULL, expires_on INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
  ) WITHOUT ROWID;
  CREATE INDEX by_time ON jobs (tenant, accepted_at, id);
  CREATE INDEX by_state ON jobs (tenant, state, accepted_at, id);
  CREATE INDEX by_operation ON jobs (tenant, operation, accepted_at, id);
  CREATE INDEX by_operation_and_state ON jobs (tenant, operation, state, accepted_at, id);
  CREATE INDEX by_expiry ON jobs (expires_on);
  CREATE TABLE place (
    one INTEGER PRIMARY KEY CHECK (one = 1), source TEXT NOT NULL, sequence INTEGER NOT NULL, owner TEXT NOT NULL
  );
  INSERT INTO place VALUES (1, 'stream', 41, 'index-0');
  CREATE TABLE usage (
    tenant TEXT PRIMARY KEY, jobs INTEGER NOT NULL, bytes INTEGER NOT NULL,
    delayed_jobs INTEGER NOT NULL, delayed_bytes INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TRIGGER usage_added AFTER INSERT ON jobs BEGIN
    INSERT INTO usage VALUES (NEW.tenant, NEW.finished_at IS NULL, (NEW.finished_at IS NULL) * NEW.bytes, 0, 0)
    ON CONFLICT (tenant) DO UPDATE SET jobs = jobs + excluded.jobs, bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER usage_removed AFTER DELETE ON jobs BEGIN
    UPDATE usage SET jobs = jobs - (OLD.finished_at IS NULL) WHERE tenant = OLD.tenant;
  END;
  CREATE TRIGGER usage_changed AFTER UPDATE ON jobs WHEN NEW.finished_at IS NOT NULL BEGIN
    UPDATE usage SET jobs = jobs - 1, bytes = bytes - OLD.bytes WHERE tenant = NEW.tenant;
  END;`;

function insert(job: IndexEntry): string {
  const values = Object.values(job).map((value) =>
    typeof value === 'string' ? `'${value}'` : String(value),
  );
  return `INSERT INTO jobs (${Object.keys(job).join(', ')}) VALUES (${values.join(', ')});`;
}

it('keeps its jobs, its usage and its place, and gets the indexes and triggers of this release', async () => {
  const own = newTable(workerd);
  const waits = entry({ id: 'waits', bytes: 10, tags: 'night' });
  const ended = entry({ id: 'ended', accepted_at: START + 1, state: 'failed', finished_at: START + 2 });
  await own.run(`${TABLES}${insert(waits)}${insert(ended)}`);
  const usage = (jobs: number, bytes: number) => ({ ...NO_USAGE, jobs, bytes });
  expect(await own.usage()).toEqual(usage(1, 10));
  expect(await own.place()).toEqual({ source: 'stream', sequence: 41 });
  const ids = async (query: object) => (await own.page(query)).jobs.map(({ id }) => id);
  expect(await ids({})).toEqual(['ended', 'waits']);
  expect(await ids({ states: ['failed'] })).toEqual(['ended']);
  expect(await ids({ operation: 'echo', states: ['queued'] })).toEqual(['waits']);
  await own.follow([entry({ ...waits, state: 'succeeded', finished_at: START + 3, bytes: 0 })]);
  expect(await ids({ states: ['succeeded'] })).toEqual(['waits']);
  expect(await own.usage()).toEqual(usage(0, 0));
  const made = await own.run<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE tbl_name = 'jobs' AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY name",
  );
  expect(made.map(({ name }) => name)).toEqual([
    'by_operation_and_state',
    'tags_added',
    'tags_changed',
    'tags_removed',
  ]);
});
