/** Tables of a job index, in workerd's own SQLite. */
import path from 'node:path';
import { build } from 'esbuild';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import type { PageQuery } from '../../../edge/calls/index-commands.ts';
import type { IndexChange, IndexEntry } from '../../../edge/job-index/index-entry.ts';
import type { Place } from '../../../edge/job-index/job-table.ts';
import type { StoredPart } from '../../../edge/job-index/stored-table.ts';
import type { JobSummary } from '../../../shared/api/answers/job-list.ts';
import type { Usage } from '../../../shared/api/usage.ts';
import type { TableCall } from './job-table-entry.ts';

export const START = Date.parse('2026-01-01T00:00:00.000Z');
const PLACE: Place = { source: 'stream', sequence: 7 };

let tables = 0;

/** Starts workerd with the tables. Dispose of it after the tests. */
export async function startTables(): Promise<Miniflare> {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, 'job-table-entry.ts')],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    external: ['node:*', 'cloudflare:*'],
    write: false,
  });
  const workerd = new Miniflare(
    convertV4MiniflareOptions({
      name: 'table',
      modules: [{ type: 'ESModule', path: 'main.js', contents: outputFiles[0]?.text ?? '' }],
      compatibilityDate: '2026-10-20',
      compatibilityFlags: ['nodejs_compat'],
      durableObjects: { TABLE: { className: 'Table', useSQLite: true } },
    }),
  );
  await workerd.ready;
  return workerd;
}

/** A table of the test's own. */
export function newTable(workerd: Miniflare) {
  const name = `table-${++tables}`;
  const run = async <T>(call: TableCall): Promise<T> => {
    const body = JSON.stringify({ name, call });
    const response = await workerd.dispatchFetch('http://table/', { method: 'POST', body });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return JSON.parse(text) as T;
  };
  const counts = () => run<{ readonly read: number; readonly written: number }>({ do: 'counts' });
  return {
    accept: (...entries: IndexEntry[]) => run<void>({ do: 'accept', entries }),
    follow: (entries: IndexChange[], place = PLACE, stored: StoredPart[] = []) =>
      run<void>({ do: 'follow', entries, place, stored }),
    forgetStored: (day: number) => run<void>({ do: 'forgetStored', day }),
    page: (query: Partial<PageQuery> = {}) =>
      run<{ jobs: JobSummary[]; cursor?: string; rowsRead: number }>({
        do: 'page',
        query: {
          tenant: 'acme',
          limit: 100,
          states: [],
          operation: undefined,
          tags: [],
          after: undefined,
          ...query,
        },
      }),
    plan: () => run<string[]>({ do: 'plan' }),
    flush: () => run<void>({ do: 'flush' }),
    /** The next call finds the table as after an eviction: from its storage. */
    evict: () => run<void>({ do: 'evict' }),
    /** Runs SQL on the storage, without the table. */
    run: <T>(sql: string) => run<T[]>({ do: 'run', sql }),
    /** How many rows were written, or read, since the last call of one of both. */
    written: async () => (await counts()).written,
    read: async () => (await counts()).read,
    forget: (max: number, now: number) => run<boolean>({ do: 'forget', max, now }),
    lose: (tenant: string, ids: readonly string[]) => run<void>({ do: 'lose', tenant, ids }),
    usage: (tenant = 'acme', laterMs = 0) => run<Usage>({ do: 'usage', tenant, laterMs }),
    place: () => run<Place>({ do: 'place' }),
  };
}

/** The entry of a queued job, with other values where the test gives them. */
export const entry = (more: Partial<IndexEntry> = {}): IndexEntry => ({
  tenant: 'acme',
  id: 'job-1',
  operation: 'echo',
  state: 'queued',
  attempt: 0,
  max_attempts: 5,
  durability: 'stream',
  unserved: 0,
  accepted_at: START,
  due_at: null,
  started_at: null,
  finished_at: null,
  error_code: null,
  trace_id: '',
  previous_trace_ids: '',
  redrive_count: 0,
  bytes: 0,
  tags: '',
  expires_on: 30_000,
  ...more,
});
