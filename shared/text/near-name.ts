import { distance } from './distance.ts';

/** A name with more typing errors than this was probably meant to be something else. */
const MAX_ERRORS = 3;

/** The known name that somebody probably meant; undefined if none is near. Upper and lower case do not matter. */
export function nearName(word: string, known: readonly string[]): string | undefined {
  const [nearest] = known
    .map((name) => ({ name, errors: distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ errors }) => errors <= Math.min(MAX_ERRORS, word.length / 2))
    .toSorted((one, other) => one.errors - other.errors);
  return nearest?.name;
}
