/** How many things there are. */
export interface Count {
  readonly count: number;
  /** Whether there are more, which were not counted. */
  readonly more: boolean;
}

/** A number of things that wait: `1 job waits`. */
export function waiting(count: number, noun: string, of = ''): string {
  return `${counted(count, noun)}${of} ${count === 1 ? 'waits' : 'wait'}`;
}

/** A number of things, in words. @param noun one of them; its plural ends with `s` */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** As {@link counted}, also of things that were not all counted: `1000 or more jobs`. */
export function countText({ count, more }: Count, noun: string): string {
  return more ? `${count} or more ${noun}s` : counted(count, noun);
}
