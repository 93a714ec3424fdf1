const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAY = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day';
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = '(?<hour>[01][0-9]|2[0-3]):(?<minute>[0-5][0-9]):(?<second>[0-5][0-9]|60)';
const DATE = '0[1-9]|[12][0-9]|3[01]';

/** The three forms of a date in HTTP (RFC 9110, section 5.6.7): IMF-fixdate, and those of RFC 850 and of asctime. */
const HTTP_DATES = [
  `${DAY}, (?<day>${DATE}) ${MONTH} (?<year>[0-9]{4}) ${TIME} GMT`,
  `${LONG_DAY}, (?<day>${DATE})-${MONTH}-(?<year>[0-9]{2}) ${TIME} GMT`,
  `${DAY} ${MONTH} (?<day>${DATE}| [1-9]) ${TIME} (?<year>[0-9]{4})`,
].map((form) => new RegExp(`^${form}$`));

/**
 * Reads a `Retry-After` header: seconds or a date (RFC 9110, section 10.2.3).
 * @param now epoch milliseconds
 * @returns milliseconds from `now`, 0 for a date in the past; undefined if the header is absent or cannot be read
 */
export function retryAfterMs(header: string | null | undefined, now: number): number | undefined {
  const value = header?.trim() ?? '';
  if (/^[0-9]+$/.test(value)) return Number(value) * 1_000;
  const date = parseHttpDate(value, now);
  return date === undefined ? undefined : Math.max(0, date - now);
}

/** Epoch milliseconds of a date in HTTP; undefined when `text` is none. */
function parseHttpDate(text: string, now: number): number | undefined {
  for (const form of HTTP_DATES) {
    const parts = form.exec(text)?.groups;
    if (parts === undefined) continue;
    const { year = '', month = '', day, hour, minute, second } = parts;
    const fullYear = year.length === 2 ? centuryOf(Number(year), now) + Number(year) : Number(year);
    const midnight = new Date(Date.UTC(fullYear, MONTHS.indexOf(month), Number(day)));
    // Date.UTC takes 31 November for a day in December.
    if (midnight.getUTCDate() !== Number(day)) return undefined;
    return midnight.setUTCHours(Number(hour), Number(minute), Number(second));
  }
  return undefined;
}

/** A year of two digits is never more than 50 years ahead (RFC 9110, section 5.6.7). */
function centuryOf(year: number, now: number): number {
  const current = new Date(now).getUTCFullYear();
  const century = current - (current % 100);
  return century + year > current + 50 ? century - 100 : century;
}
