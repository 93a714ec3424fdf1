import { Cron, type CronOptions } from 'croner';

/** Options of croner for all schedules. */
export const CRON_OPTIONS = { mode: '5-part', fixedTimeRule: 'no-wildcard' } as const satisfies CronOptions;

const EXAMPLE = 'such as "0 6 * * MON-FRI"';
/** The fields of a cron expression, and what each of them takes. */
const FIELDS = [
  ['minute', 'numbers from 0 to 59'],
  ['hour', 'numbers from 0 to 23'],
  ['day of month', 'numbers from 1 to 31, L (the last day) and 15W (the weekday nearest to the 15th)'],
  ['month', 'numbers from 1 to 12 and JAN to DEC'],
  [
    'day of week',
    'numbers from 0 to 7 (0 and 7 are Sunday), SUN to SAT, FRI#2 (the second Friday) and FRI#L (the last one)',
  ],
] as const;
/** croner takes more signs, such as `?` and `+`. */
const SIGNS = /^[0-9A-Za-z*,/#-]+$/;

/**
 * Looks for what is wrong in a cron expression. Each field is read by itself, so that the sentence can name it.
 * @returns a sentence without a subject; undefined when the expression can be read
 */
export function cronFault(pattern: string): string | undefined {
  const words = pattern.split(/[ \t]/).filter((word) => word !== '');
  const names = FIELDS.map(([name]) => name).join(', ');
  if (words.length !== FIELDS.length) return `must be five fields (${names}) ${EXAMPLE}, not ${words.length}`;
  for (const [index, [name, values]] of FIELDS.entries()) {
    const word = words[index] ?? '';
    if (SIGNS.test(word) && isReadable(FIELDS.map((_, place) => (place === index ? word : '*')))) continue;
    return `cannot be read: the ${name} is ${JSON.stringify(word)}, but it takes ${values}; also *, lists (1,2), ranges from low to high (1-5) and steps (*/5)`;
  }
  return undefined;
}

function isReadable(words: readonly string[]): boolean {
  try {
    return new Cron(words.join(' '), CRON_OPTIONS) instanceof Cron;
  } catch {
    return false;
  }
}
