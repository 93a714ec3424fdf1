import { CliError } from '../cli-error.ts';

/** A part of a long list, and where the next part begins. */
interface Page {
  /** Absent: there is no next page. */
  readonly cursor?: string | undefined;
}

/**
 * Reads page after page, until one has no cursor.
 * @param read reads the page at a cursor; undefined: the first page
 * @param from the cursor of the first page to read
 * @param movesOn whether a page brings work forward, so that its cursor may be one that was there before
 * @throws CliError `answer-invalid` after another page whose cursor was there before: such pages never end
 */
export async function* readPages<T extends Page>(
  read: (cursor: string | undefined) => Promise<T>,
  from?: string,
  movesOn: (page: T) => boolean = () => false,
): AsyncGenerator<T> {
  const seen = new Set([from]);
  for (let cursor = from; ; ) {
    const page = await read(cursor);
    yield page;
    const isOnward = movesOn(page);
    cursor = page.cursor;
    if (cursor === undefined) return;
    if (seen.has(cursor) && !isOnward)
      throw new CliError(
        'answer-invalid',
        'the pages of the API lead in a circle: a cursor came a second time',
      );
    seen.add(cursor);
  }
}
