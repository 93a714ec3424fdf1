import { v7 as uuidv7 } from 'uuid';
import { ThroughlineError } from '../../shared/errors.ts';

const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * The id of a new job: a UUID version 7, so that ids sort by time; with an idempotency key, a digest of tenant and
 * key, so that the same key always means the same job without a table of keys.
 * @throws ThroughlineError `request-invalid` when the key is empty, too long, or not visible ASCII
 */
export async function jobIdFor(tenant: string, idempotencyKey: string | undefined): Promise<string> {
  if (idempotencyKey === undefined) return uuidv7();
  const key = unquoted(idempotencyKey);
  if (!KEY.test(key)) {
    throw new ThroughlineError(
      'request-invalid',
      'Idempotency-Key must be 1 to 255 visible ASCII characters',
    );
  }
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${tenant}\n${key}`));
  return `ik_${toHex(new Uint8Array(digest).subarray(0, 20))}`;
}

/** The IETF draft makes the value a structured-field string, in quotes; many clients send it bare. */
function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
