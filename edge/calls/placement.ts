import { fnv1a } from '../../shared/fnv1a.ts';

/** The regions where a Durable Object can be asked to live (Cloudflare's location hints). */
export const REGIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const;
export type Region = (typeof REGIONS)[number];

/** Where a request entered Cloudflare, as `request.cf` says. */
export interface RequestLocation {
  /** The continent in two letters: `AF`, `AN`, `AS`, `EU`, `NA`, `OC` or `SA`. */
  readonly continent?: unknown;
  /** The country as an ISO 3166-1 alpha-2 code. */
  readonly country?: unknown;
  /** The longitude in degrees, as text. East is positive. */
  readonly longitude?: unknown;
}

const MIDDLE_EAST = 'AE BH CY IL IQ IR JO KW LB OM PS QA SA SY TR YE'.split(' ');
/** Longitudes in degrees, east is positive. They divide North America in its middle, and Europe into west and east. */
const MERIDIAN = { NA: -98, EU: 16 } as const;

/** Returns the region of a request; undefined if the location of the request is not known. */
export function regionOf({ continent, country, longitude }: RequestLocation): Region | undefined {
  const east = Number(longitude ?? Number.NaN);
  if (typeof country === 'string' && MIDDLE_EAST.includes(country)) return 'me';
  if (continent === 'NA') return east < MERIDIAN.NA ? 'wnam' : 'enam';
  if (continent === 'EU') return east > MERIDIAN.EU ? 'eeur' : 'weur';
  if (continent === 'SA' || continent === 'AN') return 'sam';
  if (continent === 'AS') return 'apac';
  if (continent === 'OC') return 'oc';
  return continent === 'AF' ? 'afr' : undefined;
}

/** Adds a region to a job's id: `<id>_<region>`. The job is then looked for in that region, wherever its caller is. */
export function withRegion(id: string, region: Region | undefined): string {
  return region === undefined ? id : `${id}_${region}`;
}

/** An id with a region, as the edge makes it: a UUID of version 7, and the region. */
const PLACED = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}_([a-z]+)$/;

/**
 * Reads the region in a job's id. Undefined means that the job is in a bridge that serves all regions. Any other id that
 * ends like a region (`read_me`) was not made by this edge.
 */
export function regionOfJob(id: string): Region | undefined {
  const [, named] = PLACED.exec(id) ?? [];
  return REGIONS.find((region) => region === named);
}

/** The end of an id whose bridge is that of other jobs too. */
const SHARED = /_([0-9a-f]{8})$/;

/**
 * Adds to a job's id what chooses its bridge, if all jobs that have something in common must go through one bridge. The id is the same
 * with every number of bridges, so a request that is sent again after a change of that number is the same job.
 */
export function withBridgeOf(id: string, common: string): string {
  return `${id}_${fnv1a(common).toString(16).padStart(8, '0')}`;
}

/** The id without what {@link withBridgeOf} added. All ids that are made from one idempotency key have this in common. */
export function keyIdOf(id: string): string {
  return id.replace(SHARED, '');
}

/** The shard of a job. */
export function shardOfJob(id: string, shards: number): number {
  const [, hash] = SHARED.exec(id) ?? [];
  return hash === undefined ? shardOf(id, shards) : Number.parseInt(hash, 16) % shards;
}

/** Returns the shard of a key, from 0 to `shards` - 1. The same key always gets the same shard (FNV-1a). */
export function shardOf(key: string, shards: number): number {
  return shards === 1 ? 0 : fnv1a(key) % shards;
}
