/** A Worker with one Durable Object, whose table is worked on by `POST {name, calls}`: see job-table.test.ts. */
import { DurableObject } from 'cloudflare:workers';
import type { PageQuery } from '../../../edge/calls/index-commands.ts';
import type { IndexChange, IndexEntry } from '../../../edge/job-index/index-entry.ts';
import { JobTable, type PageFilter, type Place, pageStatement } from '../../../edge/job-index/job-table.ts';

export type TableCall =
  | { readonly do: 'accept'; readonly entries: readonly IndexEntry[] }
  | { readonly do: 'follow'; readonly entries: readonly IndexChange[]; readonly place: Place }
  | { readonly do: 'page'; readonly query: PageQuery }
  | { readonly do: 'plan'; readonly query: PageFilter }
  | { readonly do: 'forget'; readonly max: number; readonly now: number }
  | { readonly do: 'usage'; readonly tenant: string }
  | { readonly do: 'place' };

export class Table extends DurableObject {
  readonly #table = new JobTable(this.ctx.storage);

  run(call: TableCall): unknown {
    switch (call.do) {
      case 'accept':
        return this.#table.accept(call.entries);
      case 'follow':
        return this.#table.follow(call.entries, call.place);
      case 'page':
        return this.#table.page(call.query);
      case 'plan':
        return this.#plan(call.query);
      case 'forget':
        return this.#table.deleteExpired(call.max, call.now);
      case 'usage':
        return this.#table.usage(call.tenant);
      case 'place':
        return this.#table.place;
    }
  }

  #plan(query: PageFilter): unknown {
    const values = ['acme', query.operation, query.state].filter((value) => value !== undefined);
    return this.ctx.storage.sql
      .exec(`EXPLAIN QUERY PLAN ${pageStatement(query)}`, ...values, 1, '', 1)
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
