/** Findings: settings of the broker that are wrong, and how to fix them. */

/**
 * `breaks`: Throughline does not keep one of its promises. `weakens`: Throughline keeps the promise for a shorter time,
 * or not against every loss.
 */
export type Level = 'breaks' | 'weakens';

/**
 * How to fix a setting. `setup`: run `throughline setup`, which loses no stored message. `size`: the same, with the size of
 * the store among its settings. `edit`: the operator changes the setting. `resume`: the operator ends the pause of a consumer.
 * `recreate`: the server cannot change the setting, so the stream or the consumer has to be made again.
 * `server`: the operator changes nats-server itself: its configuration, or which servers run.
 */
export type Fix = 'setup' | 'size' | 'edit' | 'resume' | 'recreate' | 'server';

/** A setting that is wrong. */
export interface Finding {
  /** The thing with the wrong setting, such as `stream JOBS` or `consumer workers`. */
  readonly of: string;
  readonly setting: string;
  readonly actual: unknown;
  readonly wanted: string;
  readonly why: string;
  readonly level: Level;
  readonly fix: Fix;
}

/** Describes a finding in a sentence: the value, the value that is needed, and why. */
export function findingText({ of, setting, actual, wanted, why }: Finding): string {
  return `${of}: ${setting} is ${shown(actual)}, but must be ${wanted}: ${why}`;
}

/** Says how to fix a finding. */
export function fixText({ of, setting, fix }: Finding): string {
  const [kind = '', name = '', , stream = ''] = of.split(' ');
  if (fix === 'setup') return '`throughline setup` fixes it';
  if (fix === 'size')
    return '`throughline setup` with STREAM_STORE_BYTES, the max_file_store of nats-server in bytes, fixes it';
  if (fix === 'server' && kind === 'user')
    return 'allow it to this user, as deploy/nats/permissions.conf does, and reload nats-server';
  if (fix === 'server') return 'see to nats-server: its configuration, and whether all of its servers run';
  if (fix === 'edit') return `change ${setting} with your own tool, such as \`nats ${kind} edit\``;
  if (fix === 'resume') return `\`nats consumer resume ${stream} ${name}\` ends the pause`;
  if (kind === 'consumer') return `stop its workers and delete it; the next worker creates it again`;
  return `the server cannot change it: empty the stream, delete it (\`nats stream rm ${name}\`), run \`throughline setup\``;
}

/** Formats the value of a setting for a sentence. */
export function shown(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}

// nats-server leaves some settings out, and writes some values in several ways. These functions accept all these forms.
export const isOff = (value: unknown): boolean => value === undefined || value === false;
export const isOn = (value: unknown): boolean => value === true;
export const isAbsent = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);
/** Whether a limit is not set. nats-server writes "no limit" as -1 or 0, or leaves the setting out. */
export const isUnlimited = (value: unknown): boolean => value === undefined || Number(value) <= 0;
