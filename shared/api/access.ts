/**
 * API keys, and what a caller may do with them. A key looks like `tl_<id>_<secret>`. The id in the key finds the key's
 * entry, and only the SHA-256 of the whole key is stored. A key holds 256 random bits, so a slow password hash would
 * add cost and no safety.
 */
import { toBase64Url } from '../bytes.ts';
import { isOperationName } from '../job/job-address.ts';
import { sha256Hex } from '../text/secret.ts';

/** What a caller may be allowed to do. API keys, tokens, routes and the command line all use this list. */
export const ACCESS_SCOPES = [
  'jobs:write',
  'jobs:read',
  'jobs:cancel',
  'dead-letters:read',
  'dead-letters:redrive',
  'schedules:read',
  'schedules:write',
  'status:read',
] as const;

/** One of {@link ACCESS_SCOPES}, or `jobs:write` for one operation (`jobs:write:echo`) or for a prefix (`jobs:write:image.*`). */
export type AccessScope = (typeof ACCESS_SCOPES)[number] | `jobs:write:${string}`;

/** What a scope looks like, in words. */
export const SCOPE_RULE = `must be one of ${ACCESS_SCOPES.join(', ')}, or jobs:write:<operation>, or jobs:write:<prefix>.*`;

const WRITE_SOME = 'jobs:write:';

/** Whether `value` is a scope. */
export function isAccessScope(value: unknown): value is AccessScope {
  if ((ACCESS_SCOPES as readonly unknown[]).includes(value)) return true;
  if (typeof value !== 'string' || !value.startsWith(WRITE_SOME)) return false;
  return isOperationName(value.slice(WRITE_SOME.length).replace(/\.\*$/, ''));
}

/** Whether these scopes allow what `scope` stands for. For `jobs:write`, one operation is enough: see {@link mayWrite}. */
export function hasScope(scopes: ReadonlySet<AccessScope>, scope: AccessScope): boolean {
  return (
    scopes.has(scope) || (scope === 'jobs:write' && [...scopes].some((one) => one.startsWith(WRITE_SOME)))
  );
}

/** Whether these scopes allow to submit jobs of an operation. */
export function mayWrite(scopes: ReadonlySet<AccessScope>, operation: string): boolean {
  const own = `${WRITE_SOME}${operation}` as const;
  if (scopes.has('jobs:write') || scopes.has(own)) return true;
  return [...scopes].some((scope) => scope.endsWith('.*') && own.startsWith(scope.slice(0, -1)));
}

/** Whether these scopes allow `jobs:write` for some operations only. */
export function isLimitedToOperations(scopes: ReadonlySet<AccessScope>): boolean {
  return !scopes.has('jobs:write') && hasScope(scopes, 'jobs:write');
}

const KEY = /^tl_([A-Za-z0-9]{1,32})_[A-Za-z0-9_-]{20,128}$/;
const ID = /^[A-Za-z0-9]{1,32}$/;
const SECRET_BYTES = 32;

export interface ApiKeyEntry {
  readonly id: string;
  readonly tenant: string;
  /** The SHA-256 of the key, in 64 lowercase hex digits. */
  readonly hash: string;
  /** What the key allows. Undefined means that the key allows everything. */
  readonly scopes?: readonly AccessScope[] | undefined;
}

/** Whether `id` may be the id of an API key: 1 to 32 letters and digits. */
export function isApiKeyId(id: string): boolean {
  return ID.test(id);
}

/** Makes a new random key for the entry `id` (letters and digits). */
export function createApiKey(id: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return `tl_${id}_${toBase64Url(bytes)}`;
}

/** Returns the SHA-256 of `key` in 64 lowercase hex digits. */
export function hashApiKey(key: string): Promise<string> {
  return sha256Hex(key);
}

/** Returns the id inside `key`; undefined if `key` does not have the form of a key. */
export function apiKeyId(key: string): string | undefined {
  return KEY.exec(key)?.[1];
}

/**
 * Finds the entry that `key` belongs to; undefined if there is none. An unknown id takes as long as a known id with a
 * wrong secret. The time of an answer therefore does not show which ids exist.
 */
export async function findApiKey(
  key: string,
  entries: ReadonlyMap<string, ApiKeyEntry>,
): Promise<ApiKeyEntry | undefined> {
  const entry = entries.get(apiKeyId(key) ?? '');
  const presented = await hashApiKey(key);
  const equal = equalInConstantTime(presented, entry?.hash ?? '0'.repeat(presented.length));
  return equal ? entry : undefined;
}

/**
 * Compares two texts of the same length without stopping at the first difference, so that the time does not show where
 * they differ.
 */
export function equalInConstantTime(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
