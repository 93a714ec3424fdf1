/**
 * Parsers for what a user types after an option or as an argument. Commander shows the sentence of an
 * InvalidArgumentError after the text that was typed.
 */

import { InvalidArgumentError } from 'commander';
import { type AccessScope, isAccessScope, isApiKeyId, SCOPE_RULE } from '../shared/api/access.ts';
import { SCHEDULE_NAME, SCHEDULE_NAME_RULE } from '../shared/api/schedule-words.ts';
import { isCallbackUrl } from '../shared/job/callback.ts';
import type { JobState } from '../shared/job/job.ts';
import { isIdempotencyKey, isOperationName, isToken } from '../shared/job/job-address.ts';
import { ORDERING_KEY, TAG } from '../shared/job/job-spec.ts';
import { JOB_STATES } from '../shared/job/job-state.ts';
import { LIMITS } from '../shared/job/limits.ts';
import { parseDuration } from '../shared/text/duration.ts';
import { CliError } from './cli-error.ts';
import { type BaggagePair, parseBaggagePair } from './trace/baggage.ts';

/** Makes a parser for a whole number from `min` to `max`; `hint` is added to its error. */
export function wholeNumber(min: number, max: number, hint = ''): (text: string) => number {
  return (text) => {
    const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.${hint}`);
  };
}

const DEFAULT_WAIT_SECONDS = 30;

/** Makes a parser for the value of `--wait [seconds]`. @param longer what waits longer */
export function waitSeconds(longer: string): (text: string) => number {
  const isNumber = (text: string): boolean => /^[0-9]+$/.test(text);
  return (text) => {
    const hint = isNumber(text) ? ` To wait longer, use ${longer}.` : ' Write --wait=30, or put --wait last.';
    return wholeNumber(1, LIMITS.waitSeconds, hint)(text);
  };
}

/** @throws CliError `usage-invalid` for an empty text: Commander's own sentence would not say why it is empty */
function refuseEmpty(text: string, what: string): void {
  if (text === '') throw new CliError('usage-invalid', `${what} is empty; is the variable set?`);
}

/** Converts Commander's value of `--wait`: `true` means that no number was given. @returns seconds; undefined without `--wait` */
export function secondsOfWait(wait: number | true | undefined): number | undefined {
  return wait === true ? DEFAULT_WAIT_SECONDS : wait;
}

/** What may follow `--wait`, for its help. */
export const WAIT_HELP = `1 to ${LIMITS.waitSeconds} seconds (default ${DEFAULT_WAIT_SECONDS}); the exit code is 4 if it takes longer`;

/** Parses a duration of any length, such as `30s`. @returns milliseconds */
export function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1) return ms;
  throw new InvalidArgumentError('It must be a duration such as 500ms, 30s, 1h30m or P2D.');
}

/** Checks how long one attempt may take. */
export const attemptTimeout = durationText(LIMITS.timeoutMs, '24 hours');

/** Checks for how long a job stands for later ones with the same unique key. */
export const uniqueFor = durationText(LIMITS.delayMs, '30 days');

/** Makes a parser for a text that others read on one line. */
export function lineText(max: number): (text: string) => string {
  return (text) => {
    if (text.trim() !== '' && text.length <= max) return text;
    throw new InvalidArgumentError(`It must have 1 to ${max} characters.`);
  };
}

/** Makes a parser for a duration that stays a text, because the API parses it. */
function durationText(maxMs: number, maxInWords: string): (text: string) => string {
  return (text) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= 1 && ms <= maxMs) return text;
    const rule = `It must be a duration such as 500ms, 30s, 1h30m or PT1H, at most ${maxInWords}.`;
    throw new InvalidArgumentError(rule);
  };
}

/** Checks the name of an operation. */
export function operationName(text: string): string {
  refuseEmpty(text, 'the name of the operation');
  if (isOperationName(text)) return text;
  throw new InvalidArgumentError('It must be dotted lowercase words, such as http.request.');
}

/** Collects the values of a repeated `--state <state>[,<state>…]`, each once. */
export function jobStates(text: string, previous: readonly JobState[] = []): readonly JobState[] {
  const states = text.split(',').map((word) => JOB_STATES.find((name) => name === word));
  if (states.every((state) => state !== undefined)) return [...new Set([...previous, ...states])];
  throw new InvalidArgumentError(`It must be one of ${JOB_STATES.join(', ')}, or several with commas.`);
}

/** Parses a time in the past: a duration ago, or a time. @returns epoch milliseconds */
export function pastTime(text: string): number {
  const agoMs = parseDuration(text);
  const time = agoMs === undefined ? timeOf(text) : Date.now() - agoMs;
  if (time !== undefined) return time;
  throw new InvalidArgumentError('It must be a duration such as 2h, or a time such as 2026-01-31T12:00:00Z.');
}

/** A date, or a time with its zone, as RFC 3339 writes them. */
function timeOf(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text)) return undefined;
  const time = Date.parse(text);
  // Date.parse takes 30 February for a day in March.
  const isRealDay = new Date(text.slice(0, 10)).toJSON()?.startsWith(text.slice(0, 10));
  return Number.isNaN(time) || !isRealDay ? undefined : time;
}

/** Checks a job's id. */
export function jobId(text: string): string {
  refuseEmpty(text, 'the job id');
  if (isToken(text)) return text;
  throw new InvalidArgumentError('A job id is 1 to 64 letters, digits, "_" or "-".');
}

/** Collects the values of a repeated `--baggage key=value`. */
export function baggagePairs(text: string, previous: readonly BaggagePair[] = []): readonly BaggagePair[] {
  const pair = parseBaggagePair(text);
  if (pair !== undefined) return [...previous, pair];
  throw new InvalidArgumentError(
    "It must be key=value, and the key may hold only ASCII letters, digits and !#$%&'*+-.^_`|~.",
  );
}

/** Collects the values of a repeated `--scope <scope>`, each once. */
export function accessScopes(text: string, previous: readonly AccessScope[] = []): readonly AccessScope[] {
  if (isAccessScope(text)) return previous.includes(text) ? previous : [...previous, text];
  throw new InvalidArgumentError(`It ${SCOPE_RULE}.`);
}

/** Checks the name of a tenant. */
export function tenantName(text: string): string {
  refuseEmpty(text, 'the name of the tenant');
  if (isToken(text)) return text;
  throw new InvalidArgumentError('A tenant is 1 to 64 letters, digits, "_" or "-".');
}

/** Checks an API key's id. */
export function keyId(text: string): string {
  refuseEmpty(text, 'the id of the key');
  if (isApiKeyId(text)) return text;
  throw new InvalidArgumentError("A key's id is 1 to 32 letters and digits.");
}

/** Checks the name of a schedule. */
export function scheduleName(text: string): string {
  refuseEmpty(text, 'the name of the schedule');
  if (SCHEDULE_NAME.test(text)) return text;
  throw new InvalidArgumentError(`It ${SCHEDULE_NAME_RULE}.`);
}

/** Checks the URL of a callback. */
export function callbackUrl(text: string): string {
  if (isCallbackUrl(text)) return text;
  throw new InvalidArgumentError(
    'It must be an absolute http or https URL without user name, password and fragment.',
  );
}

/** Checks an idempotency key. */
export function idempotencyKey(text: string): string {
  if (isIdempotencyKey(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 255 visible ASCII characters, or a text in double quotes.');
}

/** Checks an ordering key or a unique key. */
export function commonKey(text: string): string {
  if (ORDERING_KEY.test(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 128 visible ASCII characters, with spaces only inside.');
}

/** Collects the values of a repeated `--tag <tag>`, which must differ. */
export function jobTags(text: string, previous: readonly string[] = []): readonly string[] {
  if (!TAG.test(text))
    throw new InvalidArgumentError(
      'It must be 1 to 64 letters, digits or _ . : / = -, and begin with a letter or digit.',
    );
  if (previous.includes(text)) throw new InvalidArgumentError('Give each tag at most once.');
  if (previous.length < LIMITS.tags) return [...previous, text];
  throw new InvalidArgumentError(`A job has at most ${LIMITS.tags} tags.`);
}
