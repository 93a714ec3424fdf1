/** Checks of what a program gives to the client. They are made before anything is sent. */

import { SCHEDULE_NAME, SCHEDULE_NAME_RULE } from '../shared/api/schedule-words.ts';
import { ThroughlineError } from '../shared/errors.ts';
import { isIdempotencyKey, isToken } from '../shared/job/job-address.ts';
import { MAX_WAIT_SECONDS } from '../shared/job/limits.ts';
import { parseBaseUrl } from '../shared/text/base-url.ts';

/** A name and a value of a header (RFC 9110, section 5.5). fetch takes each character as one byte. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const KEY = /^[\x21-\x7e]+$/;

/** The address of the API without a slash at its end. @throws ThroughlineError `request-invalid` */
export function baseUrl(url: string): string {
  const parsed = parseBaseUrl(url, { isApi: true });
  if ('url' in parsed) return parsed.url;
  throw invalid(`url ${parsed.fault}`);
}

/** The id of a job, as a part of an address. @throws ThroughlineError `request-invalid` */
export function idPart(id: string): string {
  if (isToken(id)) return id;
  throw invalid('the id of a job is 1 to 64 letters, digits, "_" or "-"');
}

/** The name of a schedule, as a part of an address. @throws ThroughlineError `request-invalid` */
export function namePart(name: string): string {
  if (SCHEDULE_NAME.test(name)) return name;
  throw invalid(`the name of a schedule ${SCHEDULE_NAME_RULE}`);
}

/** An API key or a JWT. @throws ThroughlineError `request-invalid`, which does not show it */
export function checkKey(apiKey: string | undefined): void {
  if (apiKey !== undefined && !KEY.test(apiKey))
    throw invalid('apiKey may hold visible ASCII characters only');
}

/** The header for an idempotency key; no header without a key. @throws ThroughlineError `request-invalid` */
export function keyHeader(idempotencyKey: string | undefined): Record<string, string> {
  if (idempotencyKey === undefined) return {};
  if (isIdempotencyKey(idempotencyKey)) return { 'idempotency-key': idempotencyKey };
  throw invalid('idempotencyKey must be 1 to 255 visible ASCII characters, or a text in double quotes');
}

/**
 * How long the API is asked to wait, in whole seconds: the header takes no fraction. The number is rounded up, to 60 at most.
 * @throws ThroughlineError `request-invalid` when it is not a number, or is negative
 */
export function wholeSeconds(waitSeconds: number | undefined): number | undefined {
  if (waitSeconds === undefined) return undefined;
  if (waitSeconds >= 0) return Math.min(Math.ceil(waitSeconds), MAX_WAIT_SECONDS);
  throw invalid('waitSeconds must be a number of seconds, 0 or more');
}

/**
 * Refuses options that a call does not have. One that is undefined is not given.
 * @param others what is left of the options of a call
 * @throws ThroughlineError `request-invalid` naming the first of them
 */
export function checkNone(others: Readonly<Record<string, unknown>>): void {
  for (const name in others) if (others[name] !== undefined) throw invalid(`there is no option ${name}`);
}

/** A time limit in milliseconds; Infinity: no limit. @throws ThroughlineError `request-invalid` unless it is above 0 */
export function checkTimeout(timeoutMs: number): number {
  if (timeoutMs > 0) return Number(timeoutMs);
  throw invalid('timeoutMs must be a number of milliseconds above 0');
}

/**
 * Headers that fetch takes, by their names in lowercase: of two with the same name the last one counts.
 * @throws ThroughlineError `request-invalid` for any other, without its value
 */
export function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name)) throw invalid(`${JSON.stringify(name)} is not the name of a header`);
    if (!HEADER_VALUE.test(value))
      throw invalid(`the header ${name} holds a character that no header can hold, such as a line break`);
    checked[name.toLowerCase()] = value;
  }
  return checked;
}

function invalid(message: string): ThroughlineError {
  return new ThroughlineError('request-invalid', message);
}
