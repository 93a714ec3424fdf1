import { jsonPointer } from './json.ts';

/** A number in a JSON text that JSON.parse would change. */
interface InexactNumber {
  /** Where it is: a JSON Pointer (RFC 6901). */
  readonly path: string;
  /** The number as it is written. */
  readonly source: string;
}

/** Only a number with 16 digits, or with an exponent of two digits, can be inexact. Most texts have neither. */
const SUSPECT = /[0-9.]{16}|[0-9][eE][-+]?[0-9]{2}/;
const NUMBER = /[-+.0-9eE]+/y;
const MAX_DIGITS = 100;

/**
 * The numbers that a double (IEEE 754) cannot hold as they are written: docs/decisions/edge.md, "Numbers". It takes linear
 * time, and does not recurse.
 * @param json a text that JSON.parse takes
 */
export function* inexactNumbers(json: string): Generator<InexactNumber> {
  if (!SUSPECT.test(json)) return;
  const path: Path = [];
  for (let at = 0; at < json.length; at++) {
    const char = json.charAt(at);
    if (char === '"') {
      const end = endOfString(json, at);
      if (path.at(-1) === '') path[path.length - 1] = json.slice(at, end);
      at = end - 1;
    } else if (char === '-' || (char >= '0' && char <= '9')) {
      NUMBER.lastIndex = at;
      const source = NUMBER.exec(json)?.[0] ?? char;
      if (!isExact(source)) yield { path: pointerTo(path), source };
      at += source.length - 1;
    } else follow(path, char);
  }
}

/** For each open list the index in it, for each open object the name in it, as it is written; '': none yet. */
type Path = (number | string)[];

function follow(path: Path, char: string): void {
  const last = path.at(-1);
  if (char === '{') path.push('');
  else if (char === '[') path.push(0);
  else if (char === '}' || char === ']') path.pop();
  else if (char === ',') path[path.length - 1] = typeof last === 'number' ? last + 1 : '';
}

function pointerTo(path: Path): string {
  return jsonPointer(path.map((step) => (typeof step === 'number' ? step : JSON.parse(step))));
}

/** The offset after the string that starts at `start`. */
function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let slashes = 0;
    while (json.charAt(end - 1 - slashes) === '\\') slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
  return json.length;
}

/**
 * Whether a double gives this number back. A whole number without an exponent may be an id, so it must come back as JSON
 * writes it. Any other number must come back with as many digits as it was written with.
 */
function isExact(source: string): boolean {
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
