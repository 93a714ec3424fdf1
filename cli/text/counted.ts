/** A number of things that wait: `1 job waits`. */
export function waiting(count: number, noun: string, of = ''): string {
  return `${counted(count, noun)}${of} ${count === 1 ? 'waits' : 'wait'}`;
}

/** A number of things, in words. @param noun one of them; its plural ends with `s` */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
