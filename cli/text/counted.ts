/** A number of things, in words. @param noun one of them; its plural ends with `s` */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
