import { SharedReads } from '../../shared/collections/shared-reads.ts';
import { pause } from '../../shared/timers.ts';

/** Reading so many rows takes a few milliseconds. A page of a list has fewer, unless it looks for tags. */
const ROWS_AT_ONCE = 500;

/**
 * The pages of the lists. They are read in the only thread of the index, so those of one tenant take turns, and after many rows the
 * requests of others come between them.
 */
export class PageTurns<Page extends { readonly rowsRead: number }> {
  readonly #reads = new SharedReads<Page>(1);
  /** How many rows were read since others came. */
  #rows = 0;

  /** Reads a page when it is its turn. @param what names the page, for this tenant */
  read(tenant: string, what: string, read: () => Page): Promise<Page> {
    return this.#reads.read(tenant, what, async () => {
      if (this.#rows > ROWS_AT_ONCE) {
        this.#rows = 0;
        await pause(0);
      }
      const page = read();
      this.#rows += page.rowsRead;
      return page;
    });
  }
}
