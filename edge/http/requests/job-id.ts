import { v7 as uuidv7 } from 'uuid';
import { ThroughlineError } from '../../../shared/errors.ts';
import { sha256Hex } from '../../../shared/text/digest.ts';
import { type Region, withRegion } from '../../calls/region.ts';

/** 160 bits: no two keys meet by chance. */
const ID_DIGITS = 40;
const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * The id of a new job: a UUID version 7, so that ids sort by time; with an idempotency key, a digest of tenant and
 * key, so that the same key always means the same job without a table of keys.
 * @param region whose bridges take the job in; a key has none, since it may be used anywhere
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

/** The IETF draft makes the value a structured-field string, in quotes; many clients send it bare. */
function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
