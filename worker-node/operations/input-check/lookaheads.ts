/** A pattern whose negative lookaheads at the start stand on their own. */
interface SplitPattern {
  /** The pattern without them. */
  readonly rest: string;
  /** What a text must not begin with, as patterns. */
  readonly forbidden: readonly string[];
}

const TOKEN = /\\.|\[(?:[^\]\\]|\\.)*\]|[()|]|[^\\[()|]+/gs;
const START = '^(?!';

/**
 * Splits `^(?!a)(?!b)c` into `^c` and the patterns `^(?:a)` and `^(?:b)`: a text fits if it fits the first and none of the
 * others. Any other pattern stays whole.
 */
export function splitLookaheads(source: string): SplitPattern {
  const forbidden: string[] = [];
  let rest = source;
  while (rest.startsWith(START)) {
    const end = closing(rest, START.length);
    if (end === undefined || /^[*+?{]/.test(rest.slice(end + 1))) return { rest: source, forbidden: [] };
    forbidden.push(`^(?:${rest.slice(START.length, end)})`);
    rest = `^${rest.slice(end + 1)}`;
  }
  // In `^(?!a)b|c`, the lookahead belongs to the first option only.
  return hasOptions(rest) ? { rest: source, forbidden: [] } : { rest, forbidden };
}

/** The index of the parenthesis that closes the group whose content begins at `start`. */
function closing(source: string, start: number): number | undefined {
  let depth = 1;
  for (const { 0: token, index } of source.slice(start).matchAll(TOKEN)) {
    if (token === '(') depth++;
    if (token === ')' && --depth === 0) return start + index;
  }
  return undefined;
}

function hasOptions(source: string): boolean {
  let depth = 0;
  for (const [token] of source.matchAll(TOKEN)) {
    if (token === '(') depth++;
    if (token === ')') depth--;
    if (token === '|' && depth === 0) return true;
  }
  return false;
}
