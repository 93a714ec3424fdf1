/** A text of at most `most` characters: a longer one is cut, and ends with `…`. For what a caller sent, in a message. */
export function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
