import { InvalidArgumentError, Option } from 'commander';
import { ACCESS_SCOPES, type AccessScope, isAccessScope } from '../shared/api/access-scope.ts';
import { isApiKeyId } from '../shared/api/api-key.ts';
import { JOB_STATES, type JobState, LIMITS } from '../shared/job/job.ts';
import { parseDuration } from '../shared/text/duration.ts';
import { isCallbackUrl } from '../shared/wire/callback.ts';
import { isOperationName, isToken } from '../shared/wire/subjects.ts';
import { type BaggagePair, parseBaggagePair } from './input/baggage.ts';

/** How a command speaks: every command takes these. */
export function outputOptions(): Option[] {
  return [
    new Option('--json', 'one JSON document on stdout; an error is a problem document on stderr'),
    new Option('--debug', 'print spans on stderr, and where an error came from'),
  ].map(grouped);
}

/** Where the API is. Checked with the settings: Commander's messages would show a key, or a password in a URL. */
export function apiOptions(): Option[] {
  return [
    new Option('--url <url>', 'address of the API (THROUGHLINE_URL; default http://127.0.0.1:8787)'),
    new Option('--api-key <key>', 'key for the API (THROUGHLINE_API_KEY, which no process list shows)'),
  ].map(grouped);
}

function grouped(option: Option): Option {
  return option.helpGroup('Options of every command:');
}

/** A whole number within bounds. */
export function wholeNumber(min: number, max: number, hint = ''): (text: string) => number {
  return (text) => {
    const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.${hint}`);
  };
}

/** Milliseconds of a duration such as `30s`. */
export function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1 && ms <= LIMITS.timeoutMs) return ms;
  throw new InvalidArgumentError('It must be a duration such as 500ms, 30s or 5m, at most 24 hours.');
}

/** A duration as it was written: the API reads it itself. */
export function durationText(text: string): string {
  durationMs(text);
  return text;
}

export function operationName(text: string): string {
  if (isOperationName(text)) return text;
  throw new InvalidArgumentError('It must be dotted lowercase words, such as http.request.');
}

export function jobState(text: string): JobState {
  const state = JOB_STATES.find((name) => name === text);
  if (state !== undefined) return state;
  throw new InvalidArgumentError(`It must be one of ${JOB_STATES.join(', ')}.`);
}

export function jobId(text: string): string {
  if (isToken(text)) return text;
  throw new InvalidArgumentError('A job id is 1 to 64 letters, digits, "_" or "-".');
}

/** Collects `--baggage key=value`, given any number of times. */
export function baggagePairs(text: string, previous: readonly BaggagePair[] = []): readonly BaggagePair[] {
  const pair = parseBaggagePair(text);
  if (pair !== undefined) return [...previous, pair];
  throw new InvalidArgumentError(
    "It must be key=value; a key is ASCII letters, digits and !#$%&'*+-.^_`|~ only.",
  );
}

/** Collects `--scope <scope>`, given any number of times. */
export function accessScopes(text: string, previous: readonly AccessScope[] = []): readonly AccessScope[] {
  if (isAccessScope(text)) return previous.includes(text) ? previous : [...previous, text];
  throw new InvalidArgumentError(`It must be one of ${ACCESS_SCOPES.join(', ')}.`);
}

export function tenantName(text: string): string {
  if (isToken(text)) return text;
  throw new InvalidArgumentError('A tenant is 1 to 64 letters, digits, "_" or "-".');
}

export function keyId(text: string): string {
  if (isApiKeyId(text)) return text;
  throw new InvalidArgumentError("A key's id is 1 to 32 letters and digits.");
}

export function callbackUrl(text: string): string {
  if (isCallbackUrl(text)) return text;
  throw new InvalidArgumentError(
    'It must be an absolute http or https URL, without user name, password and fragment.',
  );
}

/** As the API takes it: the client's header must not be able to hold anything else. */
export function idempotencyKey(text: string): string {
  if (/^[\x21-\x7e]{1,255}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 255 visible ASCII characters.');
}
