/** A Worker with one Durable Object, whose table is worked on by `POST {name, calls}`: see job-table.test.ts. */
import { DurableObject } from 'cloudflare:workers';
import type { PageQuery } from '../../../edge/calls/index-commands.ts';
import type { IndexChange, IndexEntry } from '../../../edge/job-index/index-entry.ts';
import { JobTable, type Place } from '../../../edge/job-index/job-table.ts';
import { PAGE } from '../../../edge/job-index/list-statements.ts';
import type { StoredPart } from '../../../edge/job-index/stored-table.ts';

export type TableCall =
  | { readonly do: 'accept'; readonly entries: readonly IndexEntry[] }
  | {
      readonly do: 'follow';
      readonly entries: readonly IndexChange[];
      readonly place: Place;
      readonly stored: readonly StoredPart[];
    }
  | { readonly do: 'page'; readonly query: PageQuery }
  | { readonly do: 'plan' }
  | { readonly do: 'flush' }
  | { readonly do: 'evict' }
  | { readonly do: 'run'; readonly sql: string }
  | { readonly do: 'counts' }
  | { readonly do: 'forget'; readonly max: number; readonly now: number }
  | { readonly do: 'lose'; readonly tenant: string; readonly ids: readonly string[] }
  | { readonly do: 'usage'; readonly tenant: string; readonly laterMs: number }
  | { readonly do: 'forgetStored'; readonly day: number }
  | { readonly do: 'place' };

export class Table extends DurableObject {
  #table: JobTable | undefined;
  readonly #cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];

  /** The table, on storage that remembers its statements. */
  #opened(): JobTable {
    const { storage } = this.ctx;
    const exec = (query: string, ...values: SqlStorageValue[]) => {
      const cursor = storage.sql.exec(query, ...values);
      this.#cursors.push(cursor);
      return cursor;
    };
    const counted = { sql: { exec }, transactionSync: <T>(work: () => T) => storage.transactionSync(work) };
    return new JobTable(counted as unknown as DurableObjectStorage);
  }

  run(call: TableCall): unknown {
    if (call.do === 'run') return this.ctx.storage.sql.exec(call.sql).toArray();
    this.#table ??= this.#opened();
    switch (call.do) {
      case 'accept':
        return this.#table.accept(call.entries);
      case 'follow':
        return this.#table.follow(call.entries, call.place, call.stored);
      case 'page':
        return this.#table.page(call.query);
      case 'plan':
        return this.#plan();
      case 'flush':
        return this.#table.flush();
      case 'evict':
        this.#table = undefined;
        return;
      case 'counts':
        return this.#cursors
          .splice(0)
          .map(({ rowsRead, rowsWritten }) => ({ read: rowsRead, written: rowsWritten }))
          .reduce((sum, next) => ({ read: sum.read + next.read, written: sum.written + next.written }), {
            read: 0,
            written: 0,
          });
      case 'forget':
        return this.#table.deleteExpired(call.max, call.now);
      case 'lose':
        return this.#table.forget(call.tenant, call.ids);
      case 'usage':
        return this.#table.usage(call.tenant, Date.now() + call.laterMs);
      case 'forgetStored':
        return this.#table.forgetStored(call.day);
      case 'place':
        return this.#table.place;
    }
  }

  #plan(): unknown {
    return this.ctx.storage.sql
      .exec(`EXPLAIN QUERY PLAN ${PAGE}`, 'acme', 'echo', '[]', 1, '', 1)
      .toArray()
      .map(({ detail }) => detail);
  }
}

interface Bindings {
  readonly TABLE: DurableObjectNamespace<Table>;
}

export default {
  async fetch(request: Request, { TABLE }: Bindings): Promise<Response> {
    const { name, call } = await request.json<{ name: string; call: TableCall }>();
    try {
      return Response.json((await TABLE.getByName(name).run(call)) ?? null);
    } catch (thrown) {
      return new Response(String(thrown), { status: 500 });
    }
  },
};
