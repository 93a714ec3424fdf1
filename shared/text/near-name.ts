import { closest, distance } from 'fastest-levenshtein';

/** A name with more typing errors than this was probably meant to be something else. */
const MAX_ERRORS = 3;

/** The known name that somebody probably meant; undefined if none is near. Upper and lower case do not matter. */
export function nearName(word: string, known: readonly string[]): string | undefined {
  const lower = known.map((name) => name.toLowerCase());
  const nearest = closest(word.toLowerCase(), lower);
  const errors = distance(word.toLowerCase(), nearest);
  return errors <= Math.min(MAX_ERRORS, word.length / 2) ? known[lower.indexOf(nearest)] : undefined;
}
