import * as z from 'zod';
import { parseJson } from '../text/json/parse-json.ts';
import { schemaFaults } from '../text/schema-faults.ts';
import { OperationName } from './operation.ts';

/** How often a host renews its announcement by default, and how many renewals it may miss. */
export const ANNOUNCE_MS = 30_000;
const RENEWALS_IN_LEASE = 3;

/** What a worker host writes to the bucket `HOSTS`, once for all that it can run. */
export const HostAnnouncement = z.object({
  /** The host's `WORKER_NAME`. */
  host: z.string(),
  version: z.string(),
  group: z.string(),
  concurrency: z.int().min(1),
  /** When the host started, RFC 3339. */
  since: z.iso.datetime(),
  /** The host's clock when it wrote this announcement, RFC 3339. NATS notes its own time beside it. */
  at: z.iso.datetime().optional(),
  /** The announcement counts for this many milliseconds after it arrived. */
  leaseMs: z.int().min(1),
  /** The names of its operations. */
  operations: z.array(OperationName),
  /** The tenants whose own lanes it takes jobs from. */
  ownLanes: z.array(z.string()).optional(),
});
export type HostAnnouncement = z.infer<typeof HostAnnouncement>;

/** How long an announcement counts if it is renewed every `announceMs`. Both are in milliseconds. */
export function leaseOf(announceMs: number): number {
  return RENEWALS_IN_LEASE * announceMs;
}

/** The announcement in a value of the bucket, or what is wrong with it. */
export function readHostAnnouncement(value: Uint8Array): HostAnnouncement | string {
  const { data, error } = HostAnnouncement.safeParse(parseJson(new TextDecoder().decode(value)));
  return data ?? schemaFaults(error);
}

/**
 * The key of a host in the bucket `HOSTS`. A key is part of a subject. So a byte that is not a letter, a digit, `_` or `-` is
 * written as `=` and two hexadecimal digits.
 * @param host the name of the host, and what tells it from others of the same name
 */
export function hostKey(host: string): string {
  const bytes = [...new TextEncoder().encode(host)];
  return bytes.map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : hexOf(byte))).join('');
}

function isPlain(byte: number): boolean {
  return /[A-Za-z0-9_-]/.test(String.fromCharCode(byte));
}

function hexOf(byte: number): string {
  return `=${byte.toString(16).padStart(2, '0').toUpperCase()}`;
}
