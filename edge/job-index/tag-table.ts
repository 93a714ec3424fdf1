import { type ListPlace, TOP } from '../calls/cursors.ts';
import type { PageQuery } from '../calls/index-commands.ts';
import type { IndexEntry } from './index-entry.ts';

/** The tags of a row of `jobs`, as rows. A tag has no quote, no backslash and no comma. */
const tagsOf = (row: 'NEW' | 'OLD'): string => `json_each('["' || replace(${row}.tags, ',', '","') || '"]')`;

const ADD = `INSERT OR IGNORE INTO job_tags SELECT NEW.tenant, value, NEW.accepted_at, NEW.id FROM ${tagsOf('NEW')};`;
const REMOVE = `DELETE FROM job_tags WHERE tenant = OLD.tenant AND accepted_at = OLD.accepted_at AND id = OLD.id
  AND tag IN (SELECT value FROM ${tagsOf('OLD')});`;

/** The jobs of each tag in the order of the list, which triggers keep in step with the table `jobs`. */
export const TAG_SCHEMA = `
  CREATE TABLE IF NOT EXISTS job_tags (
    tenant TEXT NOT NULL, tag TEXT NOT NULL, accepted_at INTEGER NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (tenant, tag, accepted_at, id)
  ) WITHOUT ROWID;
  CREATE TRIGGER IF NOT EXISTS tags_added AFTER INSERT ON jobs WHEN NEW.tags <> '' BEGIN ${ADD} END;
  CREATE TRIGGER IF NOT EXISTS tags_removed AFTER DELETE ON jobs WHEN OLD.tags <> '' BEGIN ${REMOVE} END;
  CREATE TRIGGER IF NOT EXISTS tags_changed AFTER UPDATE ON jobs
    WHEN NEW.tags <> OLD.tags OR NEW.accepted_at <> OLD.accepted_at BEGIN ${REMOVE} ${ADD} END;`;

/** The most jobs of a tag that one page looks at. So a page may be short, or empty, although others follow. */
const MAX_LOOKED_AT = 2_000;

/** With `CROSS JOIN`, SQLite reads the jobs of the tag in the order of its primary key, one by one. */
const JOBS_OF_TAG = `SELECT jobs.* FROM job_tags AS tagged
  CROSS JOIN jobs ON jobs.tenant = tagged.tenant AND jobs.id = tagged.id
  WHERE tagged.tenant = ? AND tagged.tag = ? AND (tagged.accepted_at, tagged.id) < (?, ?)
  ORDER BY tagged.accepted_at DESC, tagged.id DESC`;

/** Rows of a page, and where the next page begins. */
export interface FoundRows {
  readonly entries: readonly IndexEntry[];
  /** Undefined: there is no other page. */
  readonly next: ListPlace | undefined;
  readonly rowsRead: number;
}

/** Reads a page of the jobs that have certain tags, at least one. */
export function readTagged(sql: SqlStorage, query: PageQuery): FoundRows {
  const { tenant, tags, limit, after = TOP } = query;
  const rows = sql.exec<IndexEntry>(JOBS_OF_TAG, tenant, tags[0] ?? '', after.acceptedAt, after.id);
  const entries: IndexEntry[] = [];
  let next: ListPlace | undefined;
  let lookedAt = 0;
  for (const entry of rows) {
    if (entries.length === limit || lookedAt === MAX_LOOKED_AT)
      return { entries, next, rowsRead: rows.rowsRead };
    lookedAt++;
    next = { acceptedAt: entry.accepted_at, id: entry.id };
    if (fits(entry, query)) entries.push(entry);
  }
  return { entries, next: undefined, rowsRead: rows.rowsRead };
}

function fits(entry: IndexEntry, { states, operation, tags }: PageQuery): boolean {
  if (states.length > 0 && !states.includes(entry.state)) return false;
  if (operation !== undefined && entry.operation !== operation) return false;
  const own = entry.tags.split(',');
  return tags.every((tag) => own.includes(tag));
}
