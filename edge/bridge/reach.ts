/** As a redrive of many gives it to go on with. */
export const REACH = /^([0-9]{1,15})-([0-9]{1,15})$/;

/** Where the next request goes on: the cursor is `<from>-<to>`. */
export interface Reach {
  readonly from: number;
  readonly to: number;
}

/** Reads a cursor; undefined when it is none of ours. */
export function parseReach(text: string): Reach | undefined {
  const [, from, to] = REACH.exec(text) ?? [];
  return from === undefined || to === undefined ? undefined : { from: Number(from), to: Number(to) };
}
