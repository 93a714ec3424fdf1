/** Settings of the broker that are wrong, and how to fix each of them. */

/** `breaks`: a promise of Throughline does not hold. `weakens`: it holds, but not for as long, or not against every loss. */
export type Level = 'breaks' | 'weakens';

/**
 * How a setting is fixed. `setup`: `throughline setup` does it, since no stored message is lost. `edit`: the operator
 * changes it. `recreate`: the server cannot change it, so the stream or the consumer has to be made again.
 */
export type Fix = 'setup' | 'edit' | 'recreate';

/** A setting that is wrong. */
export interface Finding {
  /** `stream JOBS` or `consumer workers`. */
  readonly of: string;
  readonly setting: string;
  readonly actual: unknown;
  readonly wanted: string;
  readonly why: string;
  readonly level: Level;
  readonly fix: Fix;
}

/** A finding as a sentence: the value, the value it must have, and why. */
export function findingText({ of, setting, actual, wanted, why }: Finding): string {
  return `${of}: ${setting} is ${shown(actual)}, but must be ${wanted}: ${why}`;
}

/** How to fix a finding, as a sentence. */
export function fixText({ of, setting, fix }: Finding): string {
  const [kind = '', name = ''] = of.split(' ');
  if (fix === 'setup') return '`throughline setup` fixes it';
  if (fix === 'edit') return `change ${setting} with your own tool, such as \`nats ${kind} edit\``;
  if (kind === 'consumer') return `stop its workers and delete it; the next worker creates it again`;
  return `the server cannot change it: empty the stream, delete it (\`nats stream rm ${name}\`), run \`throughline setup\``;
}

/** A setting's value, as it is shown in a sentence. */
export function shown(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}

// nats-server leaves some settings out, and writes some values in several ways.
export const isOff = (value: unknown): boolean => value === undefined || value === false;
export const isOn = (value: unknown): boolean => value === true;
export const isAbsent = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);
/** The server writes "no limit" as -1 or 0, or leaves it out. */
export const isUnlimited = (value: unknown): boolean => value === undefined || Number(value) <= 0;
