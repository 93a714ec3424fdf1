/** Only a number with 16 digits, or with an exponent of two digits, can be inexact. */
const SUSPECT = /[0-9.]{16}|[0-9][eE][-+]?[0-9]{2}/;
const MAX_DIGITS = 100;

/**
 * Whether a double (IEEE 754) gives a number of a JSON text back: docs/decisions/edge.md, "Numbers". A whole number without
 * an exponent may be an id, so it must come back as JSON writes it. Any other number must come back with as many digits as
 * it was written with.
 */
export function isExactNumber(source: string): boolean {
  if (!SUSPECT.test(source)) return true;
  const value = Number(source);
  const written = String(value);
  if (written === source) return true;
  if (!Number.isFinite(value)) return false;
  const exact = canonical(source);
  if (exact === canonical(written)) return true;
  const digits = exact.indexOf('e');
  return /[.eE]/.test(source) && digits <= MAX_DIGITS && exact === canonical(value.toPrecision(digits || 1));
}

/** A number as `<digits>e<exponent>`, without zeros at either end of the digits: the same text for the same number. */
function canonical(number: string): string {
  const [mantissa = '', exponent = '0'] = number.replace(/^-/, '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const all = whole + fraction;
  let end = all.length;
  while (all.charAt(end - 1) === '0') end--;
  const digits = all.slice(0, end).replace(/^0+/, '');
  return digits === '' ? 'e' : `${digits}e${Number(exponent) - fraction.length + all.length - end}`;
}
