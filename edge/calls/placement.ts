/** Where a Durable Object can be asked to live (Cloudflare's location hints). */
export const REGIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const;
export type Region = (typeof REGIONS)[number];

/** Where a request entered Cloudflare, as `request.cf` says. */
export interface RequestLocation {
  /** Two letters: `AF`, `AN`, `AS`, `EU`, `NA`, `OC` or `SA`. */
  readonly continent?: unknown;
  /** ISO 3166-1 alpha-2. */
  readonly country?: unknown;
  /** Degrees east, as text. */
  readonly longitude?: unknown;
}

const MIDDLE_EAST = 'AE BH CY IL IQ IR JO KW LB OM PS QA SA SY TR YE'.split(' ');
/** Degrees east that divide North America in the middle, and western from eastern Europe. */
const MERIDIAN = { NA: -98, EU: 16 } as const;

/** The region of a request; undefined if its location is not known. */
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

/** A job's id with its region, `<id>_<region>`. The job is looked for in that region, from wherever its caller asks. */
export function withRegion(id: string, region: Region | undefined): string {
  return region === undefined ? id : `${id}_${region}`;
}

/** The region in a job's id; undefined: the job is in a bridge that serves all regions. */
export function regionOfJob(id: string): Region | undefined {
  return REGIONS.find((region) => id.endsWith(`_${region}`));
}

/** The shard of a key, from 0 to `shards` - 1, always the same (FNV-1a). */
export function shardOf(key: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shards;
}
