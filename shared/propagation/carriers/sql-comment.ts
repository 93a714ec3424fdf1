import { percentDecoded } from '../../text/percent-decoded.ts';
import type { Carrier, CarrierReader } from '../carrier.ts';
import { fromLines, type HeaderLine } from './record.ts';

/** The longest comment that is read. `traceparent` and `tracestate` take 1,700 characters at most. */
const MAX_COMMENT = 8192;

/** `key='value'`; a quote inside the value has a backslash before it. */
const PAIR = /([^\s=,']{1,256})\s*=\s*'((?:[^'\\]|\\.)*)'/gs;

/** Characters that `encodeURIComponent` leaves as they are, although RFC 3986 reserves them. */
const RESERVED = /[!'()*]/g;

/**
 * Reads the comment at the end of an SQL statement, as sqlcommenter writes it (OpenTelemetry, "SQLCommenter
 * specifications").
 *
 * @example
 * const { context } = extract(fromSqlComment(statement));
 */
export const fromSqlComment = (sql: string): CarrierReader => fromLines(() => pairsOf(lastComment(sql)));

/** The text of the comment with which a statement ends; empty if it ends otherwise. */
function lastComment(sql: string): string {
  const end = lengthWithoutEnd(sql) - 2;
  if (end < 0 || !sql.startsWith('*/', end)) return '';
  const start = sql.lastIndexOf('/*', end - 2);
  return start === -1 || end - start > MAX_COMMENT ? '' : sql.slice(start + 2, end);
}

/** The length of a statement without blanks and semicolons at its end. A regular expression would take quadratic time. */
function lengthWithoutEnd(sql: string): number {
  let length = sql.length;
  while (length > 0 && /[\s;]/.test(sql.charAt(length - 1))) length--;
  return length;
}

const pairsOf = (comment: string): HeaderLine[] =>
  Array.from(comment.matchAll(PAIR), ([, key = '', value = '']): HeaderLine => [key, [decode(value)]]);

/** Decodes a value. One that cannot be decoded stays as it is, and the field's own rules judge it. */
function decode(value: string): string {
  return percentDecoded(value.replaceAll("\\'", "'"));
}

/**
 * Returns an SQL statement with `traceparent` and `tracestate` in a comment at its end (sqlcommenter), before a semicolon.
 * Baggage is not written, because databases log statements. A statement that has a comment already is returned as it is,
 * as the specification wants it. So is one in which a text only looks like a comment.
 *
 * @example
 * await pool.query(withSqlComment('SELECT 1', inject(context.active())));
 */
export function withSqlComment(sql: string, { traceparent, tracestate }: Carrier): string {
  if (traceparent === undefined || sql === '' || sql.includes('/*') || sql.includes('--')) return sql;
  const fields = tracestate === undefined ? { traceparent } : { traceparent, tracestate };
  const pairs = Object.entries(fields).map(([key, value]) => `${key}='${encode(value)}'`);
  const length = lengthWithoutEnd(sql);
  return `${sql.slice(0, length)} /*${pairs.join(',')}*/${sql.slice(length)}`;
}

const encode = (value: string): string =>
  encodeURIComponent(value).replace(RESERVED, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
