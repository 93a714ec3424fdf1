/** Settings of the broker that are not as they have to be, and what to do about each. */

/** `breaks`: a promise does not hold. `weakens`: it holds, but for less than it could. */
export type Level = 'breaks' | 'weakens';

/**
 * How a setting is put right. `setup`: by `throughline setup`, since nothing stored is lost by it. `edit`: by whoever
 * chose it. `recreate`: the server cannot change it.
 */
export type Mend = 'setup' | 'edit' | 'recreate';

/** A setting that is not as it has to be. */
export interface Finding {
  /** `stream JOBS` or `consumer workers`. */
  readonly of: string;
  readonly setting: string;
  readonly actual: unknown;
  readonly wanted: string;
  readonly why: string;
  readonly level: Level;
  readonly mend: Mend;
}

/** A finding as a sentence: what is wrong, what it has to be, and why. */
export function findingText({ of, setting, actual, wanted, why }: Finding): string {
  return `${of}: ${setting} is ${shown(actual)}, but must be ${wanted}: ${why}`;
}

/** What to do about it. */
export function mendText({ of, setting, mend }: Finding): string {
  const [kind = '', name = ''] = of.split(' ');
  if (mend === 'setup') return '`throughline setup` mends it';
  if (mend === 'edit') return `change ${setting} with your own tool, such as \`nats ${kind} edit\``;
  if (kind === 'consumer') return `stop its workers, delete it; the next worker makes it anew`;
  return `the server cannot change it: empty the stream, delete it (\`nats stream rm ${name}\`), run \`throughline setup\``;
}

/** A setting's value, for a sentence. */
export function shown(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}

// nats-server leaves settings out, or writes the same value in several ways.
export const isOff = (value: unknown): boolean => value === undefined || value === false;
export const isOn = (value: unknown): boolean => value === true;
export const isAbsent = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);
/** The server writes "no limit" as -1 or 0, or leaves it out. */
export const isUnlimited = (value: unknown): boolean => value === undefined || Number(value) <= 0;
