import { v7 as uuidv7 } from 'uuid';
import type { SubmitJob } from '../../../shared/api/submit-job.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { sha256Hex } from '../../../shared/text/secret.ts';
import { type Region, withRegion } from '../../calls/placement.ts';

/** 160 bits: two keys never get the same id by chance. */
const ID_DIGITS = 40;
const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * The id of a new job. Without an idempotency key it is a UUID version 7, so that ids sort by time. With a key, the
 * id is a hash of the tenant and the key. So the same key always means the same job, and no table of keys is needed.
 * @param region the region whose bridges take the job. An id made from a key has no region, since the same key may be
 * used in any region.
 * @throws ThroughlineError `request-invalid` when the key is empty, too long, or not visible ASCII
 */
export async function jobIdFor(
  tenant: string,
  idempotencyKey: string | undefined,
  region?: Region,
): Promise<string> {
  if (idempotencyKey === undefined) return withRegion(uuidv7(), region);
  const key = unquoted(idempotencyKey);
  if (!KEY.test(key)) {
    throw new ThroughlineError(
      'request-invalid',
      'Idempotency-Key must be 1 to 255 visible ASCII characters',
    );
  }
  return `ik_${(await sha256Hex(`${tenant}\n${key}`)).slice(0, ID_DIGITS)}`;
}

/**
 * SHA-256 of a submission, in 64 hex digits. Two texts that differ only in white space or in the order of their keys have
 * the same fingerprint.
 */
export function fingerprintOf(request: SubmitJob): Promise<string> {
  return sha256Hex(canonicalJson(request));
}

/** The IETF draft for the header asks for a quoted string; many clients send the value without quotes. */
function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

/** JSON with the keys of every object in one order (the idea of RFC 8785). */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (isObject(part) ? sorted(part) : part)) ?? 'null';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `fromEntries` also defines a key such as `__proto__`; an assignment would call its setter. */
function sorted(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
