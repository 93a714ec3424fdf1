/** As a redrive of many gives it to go on with. */
export const REDRIVE_CURSOR = /^([0-9]{1,15})-([0-9]{1,15})$/;

/** Where the next request of a redrive of many goes on: from one sequence to another. */
export interface RedriveCursor {
  readonly from: number;
  readonly to: number;
}

/** Reads a cursor; undefined when it is none of ours. */
export function parseRedriveCursor(text: string): RedriveCursor | undefined {
  const [, from, to] = REDRIVE_CURSOR.exec(text) ?? [];
  return from === undefined || to === undefined ? undefined : { from: Number(from), to: Number(to) };
}
