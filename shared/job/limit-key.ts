import { canonicalJson } from '../text/json/canonical-json.ts';
import { pointerNames } from '../text/json/json-pointer.ts';

/** The value of a job by which its operation limits how many run: its tenant, or a place in its input. */

/** `tenant`: all jobs of a tenant share the limit. */
export const TENANT_KEY = 'tenant';
/** `tenant`, or a JSON Pointer into the input. */
export type LimitKey = typeof TENANT_KEY | `/${string}`;

const POINTER = /^(?:\/(?:[^~/]|~[01])*)+$/;
const MAX_LENGTH = 256;

/** Whether `text` is `tenant` or a JSON Pointer (RFC 6901) to a place inside an input, of at most 256 characters. */
export function isLimitKey(text: string): text is LimitKey {
  return text === TENANT_KEY || (text.length <= MAX_LENGTH && POINTER.test(text));
}

/**
 * The value of a limit's key in one job, as a text. Jobs with the same text share the limit.
 * @param key see {@link isLimitKey}
 * @param input the input of the job, as the caller sent it
 * @returns the value as canonical JSON, so `1` and `"1"` differ; an empty text if the input has nothing at this place
 */
export function limitKeyValue(key: string, input: unknown): string {
  if (key === TENANT_KEY) return '';
  let value = input;
  for (const name of pointerNames(key)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return '';
    // An array has this property too, but JSON has not.
    if (Array.isArray(value) && name === 'length') return '';
    value = (value as Record<string, unknown>)[name];
  }
  return canonicalJson(value);
}
