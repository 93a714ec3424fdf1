/** What a header's text means; undefined where it means nothing. Never throws. */

const YEAR = /^[0-9]{4}-/;

/**
 * CloudEvents times are RFC 3339, whose years have four digits; what else `Date` can read is not a time here. In UTC
 * the year may be another one, so it is looked at again.
 */
export function readTime(value: string | undefined): string | undefined {
  if (value === undefined || !YEAR.test(value)) return undefined;
  const time = Date.parse(value);
  const text = Number.isNaN(time) ? '' : new Date(time).toISOString();
  return YEAR.test(text) ? text : undefined;
}

/** A whole number from `min` to `max`. */
export function readWhole(text: string | undefined, min: number, max: number): number | undefined {
  const number = text !== undefined && /^[0-9]{1,12}$/.test(text) ? Number(text) : Number.NaN;
  return number >= min && number <= max ? number : undefined;
}
