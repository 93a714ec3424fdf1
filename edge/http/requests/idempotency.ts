import { v7 as uuidv7 } from 'uuid';
import { ThroughlineError } from '../../../shared/errors.ts';
import { isIdempotencyKey } from '../../../shared/job/job-address.ts';
import { canonicalJson } from '../../../shared/text/json/canonical-json.ts';
import { sha256Hex } from '../../../shared/text/secret.ts';
import { type Region, withBridgeOf, withRegion } from '../../calls/placement.ts';

/** 160 bits: two keys never get the same id by chance. */
const ID_DIGITS = 40;

/** What the id of a job is made from if the request has an `Idempotency-Key`. */
export interface KeyedPlace {
  readonly key: string;
  /** The place of the job in its batch, from 0. Undefined: the request is for one job. */
  readonly place?: number | undefined;
}

/**
 * The key in an `Idempotency-Key` header. It is read once for each request, so that it means the same everywhere.
 * @throws ThroughlineError `request-invalid` when it is empty, too long, or not ASCII
 */
export function readIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (isIdempotencyKey(header))
    return header.startsWith('"') ? header.slice(1, -1).replace(/\\(.)/g, '$1') : header;
  throw new ThroughlineError(
    'request-invalid',
    'Idempotency-Key must be 1 to 255 visible ASCII characters, or a text in double quotes (RFC 8941)',
  );
}

/**
 * The id of a new job. Without an idempotency key it is a UUID version 7, so that ids sort by time. With one it is a
 * digest of tenant, key and place, so that the same key always means the same job, and no table of keys is needed. No key
 * holds a line feed, so the key of a request and the keys of a batch never give the same id.
 * @param region the region whose bridges take the job. An id made from a key has no region, since the same key may be
 * used in any region.
 */
export function jobIdFor(
  tenant: string,
  keyed: KeyedPlace | undefined,
  region?: Region,
): string | Promise<string> {
  return keyed === undefined ? withRegion(uuidv7(), region) : idOfKey(tenant, keyed);
}

async function idOfKey(tenant: string, { key, place }: KeyedPlace): Promise<string> {
  const parts = [tenant, key, ...(place === undefined ? [] : [place])];
  return `ik_${(await sha256Hex(parts.join('\n'))).slice(0, ID_DIGITS)}`;
}

/**
 * The id of a new job with an ordering key or a unique key. Jobs of one key must go through one bridge: it keeps their order while
 * NATS is away, or knows which of them are there.
 * @param common the ordering key, or the operation and the unique key
 */
export async function jobIdForBridgeOf(
  tenant: string,
  keyed: KeyedPlace | undefined,
  common: string,
): Promise<string> {
  return withBridgeOf(await jobIdFor(tenant, keyed), `${tenant}/${common}`);
}

/**
 * SHA-256 of a submission, in 64 hex digits. Two texts that differ only in white space or in the order of their keys have
 * the same fingerprint.
 */
export function fingerprintOf(request: object): Promise<string> {
  return sha256Hex(canonicalJson(request));
}
