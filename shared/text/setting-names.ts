import { distance } from './distance.ts';

/** Which names a program reads its settings from. */
export interface SettingNames {
  /** The program, as a sentence names it: `the worker`. */
  readonly program: string;
  /** The names that it reads. */
  readonly known: readonly string[];
  /** Beginnings of names that only our programs use. */
  readonly prefixes: readonly string[];
  /** Whether a name that begins like ours is no mistake: it belongs to another program that may run beside this one. */
  readonly isForeign: (name: string, value: unknown) => boolean;
}

/** Kubernetes sets these for each service: `NATS_SERVICE_HOST`, and `NATS_PORT=tcp://10.0.0.1:4222`. */
const SERVICE_NAME = /_SERVICE_(?:HOST|PORT)(?:_|$)|_PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_|$)/;
const SERVICE_ADDRESS = /^(?:tcp|udp|sctp):\/\//;
/** A shorter name is close to too many others. */
const MIN_LENGTH = 6;
/** From this length on, two letters may be wrong. */
const LONG = 12;
const MAX_WRONG = 2;

/**
 * Finds settings whose names nobody reads: those that begin like ours, and those that are nearly one of ours. Other variables
 * are not ours to judge.
 * @returns a sentence for each, with the name that was probably meant, and without the value
 */
export function unknownSettings(
  values: Readonly<Record<string, unknown>>,
  { program, known, prefixes, isForeign }: SettingNames,
): string[] {
  const isOurs = (name: string): boolean => prefixes.some((prefix) => name.startsWith(prefix));
  return Object.entries(values)
    .filter(([name, value]) => value !== undefined && value !== '' && !known.includes(name))
    .filter(([name, value]) => !isForeign(name, value))
    .flatMap(([name]) => {
      const meant = nearest(name.toUpperCase(), known, isNear);
      if (meant === undefined && !isOurs(name)) return [];
      const hint = meant ?? nearest(name, known, isLike);
      const question = hint === undefined ? '' : `; did you mean ${hint}?`;
      return [`${name} is not a setting of ${program}, so it changes nothing${question}`];
    });
}

/** The names of the settings with quotes around their values, as an env file of Docker leaves them: they are a part of the value. */
export function quotedSettings(
  values: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): string[] {
  return names.filter((name) => /^(["']).*\1$/s.test(values[name] ?? ''));
}

/** Whether Kubernetes has set a variable, for a service. */
export function isOfService(name: string, value: unknown): boolean {
  if (SERVICE_NAME.test(name)) return true;
  return name.endsWith('_PORT') && typeof value === 'string' && SERVICE_ADDRESS.test(value);
}

/** Whether a name is probably a slip of the pen for `known`. */
function isNear(name: string, known: string): boolean {
  if (known.length < MIN_LENGTH || Math.abs(name.length - known.length) > MAX_WRONG) return false;
  return distance(name, known) <= (known.length < LONG ? 1 : MAX_WRONG) || isSwapped(name, known);
}

/** Whether two neighbouring letters changed places. */
function isSwapped(name: string, known: string): boolean {
  const at = [...name].findIndex((letter, index) => letter !== known[index]);
  const [first = '', second = ''] = name.slice(at);
  return at >= 0 && `${name.slice(0, at)}${second}${first}${name.slice(at + 2)}` === known;
}

/** Whether a name that begins like ours may mean `known`: a third of it is wrong, or one is the beginning of the other. */
function isLike(name: string, known: string): boolean {
  if (known.startsWith(`${name}_`) || name.startsWith(`${known}_`)) return true;
  return distance(name, known) <= name.length / 3;
}

function nearest(
  name: string,
  known: readonly string[],
  isMeant: (name: string, known: string) => boolean,
): string | undefined {
  const candidates = known.filter((candidate) => isMeant(name, candidate));
  return candidates.toSorted((one, other) => distance(name, one) - distance(name, other))[0];
}
