import * as z from 'zod';
import { percentDecoded } from '../../text/percent-decoded.ts';

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** What fetch and Node can send as the value of a header. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

type Header = readonly [name: string, value: string];

/**
 * Reads `OTEL_EXPORTER_OTLP_HEADERS`: pairs `name=value` with commas between them, percent-encoded (as in W3C Baggage). Names
 * are made lowercase: `fetch` sends two headers whose names differ in case alone as one, with both values.
 */
export function parseOtlpHeaders(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text
      .split(',')
      .map(headerOf)
      .filter((header) => header !== undefined),
  );
}

/** The schema of a setting that holds headers, see {@link parseOtlpHeaders}. */
export const otlpHeaders = z.string('must be text').default('').transform(parseOtlpHeaders);

/** The places of the members that cannot be sent as a header; 1 for the first. An empty member is no fault. */
export function badOtlpHeaders(text: string): number[] {
  return text
    .split(',')
    .flatMap((member, index) => (member.trim() === '' || headerOf(member) !== undefined ? [] : [index + 1]));
}

function headerOf(member: string): Header | undefined {
  const at = member.indexOf('=');
  const name = member.slice(0, Math.max(0, at)).trim().toLowerCase();
  const value = percentDecoded(member.slice(at + 1).trim());
  return NAME.test(name) && VALUE.test(value) ? [name, value] : undefined;
}
