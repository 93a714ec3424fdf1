/** The words for what a value is, and for what it must be. */
import { shortened } from '../../../shared/text/shortened.ts';

const TYPE_WORDS: Readonly<Record<string, string>> = {
  null: 'null',
  boolean: 'true or false',
  number: 'a number',
  integer: 'a whole number',
  string: 'text',
  array: 'a list',
  object: 'an object',
};

const FORMAT_WORDS: Readonly<Record<string, string>> = {
  email: 'an e-mail address',
  uri: 'a URL',
  uuid: 'a UUID',
  'date-time': 'a date and time such as 2026-01-02T03:04:05Z',
  date: 'a date such as 2026-01-02',
  time: 'a time such as 03:04:05',
  duration: 'a duration such as P1DT2H',
  ipv4: 'an IPv4 address',
};

const MAX_VALUES = 10;
const MAX_VALUE_LENGTH = 40;

/** `must be a number, not text` */
export function mustBeType(types: readonly string[], value: unknown): string {
  const words = [...new Set(types)].map((type) => TYPE_WORDS[type] ?? type);
  return `must be ${joined(words)}, not ${wordFor(value)}`;
}

/** `must be "a", "b" or "c"` */
export function mustBeOneOf(values: readonly unknown[]): string {
  const shown = [...new Set(values.map(shownValue))];
  if (shown.length <= MAX_VALUES) return `must be ${joined(shown)}`;
  return `must be one of ${shown.slice(0, MAX_VALUES).join(', ')}, … (${shown.length} values)`;
}

/** `must be an e-mail address`, or the pattern if the format has no name here. */
export function mustMatch(pattern: string, format: unknown): string {
  const word = typeof format === 'string' ? FORMAT_WORDS[format] : undefined;
  return word === undefined ? `must match the pattern ${pattern}` : `must be ${word}`;
}

/** `must have at least 1 item` */
export function mustHave(bound: 'at least' | 'at most', count: number, what: string): string {
  return `must have ${bound} ${count} ${what}${count === 1 ? '' : 's'}`;
}

function wordFor(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'boolean' || value === null) return String(value);
  // If a whole number is wanted, "a number" would not say what is wrong.
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : String(value);
  return TYPE_WORDS[typeof value] ?? typeof value;
}

function shownValue(value: unknown): string {
  return shortened(JSON.stringify(value) ?? 'null', MAX_VALUE_LENGTH);
}

function joined(words: readonly string[]): string {
  const last = words.at(-1) ?? 'nothing';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}
