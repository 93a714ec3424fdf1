import { type Region, regionOfJob, shardOf, shardOfJob } from './placement.ts';

/** The word for the bridges that serve all regions. */
const GLOBAL = 'global';

/** Where a bridge is: the name of its Durable Object, and where the object should be placed. */
export interface BridgeAddress {
  readonly name: string;
  readonly locationHint?: Region;
}

/** How the bridges are placed. */
export interface BridgePlacement {
  /** How many bridges a region has. */
  readonly shards: number;
  /** Whether bridges are placed by region. If not, a region in a job's id means nothing. */
  readonly byRegion: boolean;
  /** The caller's region, if bridges are placed by region and it is known; undefined: the bridges that serve all regions. */
  readonly region: Region | undefined;
  /** Where the bridges that serve all regions should be placed. */
  readonly locationHint: Region | undefined;
}

/** The bridge that exists with every number of shards and every placement. */
export function firstBridge(): BridgeAddress {
  return addressOf(undefined, 0);
}

/** The bridges as one caller reaches them. */
export class BridgeAddresses {
  readonly #placement: BridgePlacement;

  constructor(placement: BridgePlacement) {
    this.#placement = placement;
  }

  /** The bridge of a job. The same id always has the same bridge. */
  ofJob(id: string): BridgeAddress {
    const region = this.#placement.byRegion ? regionOfJob(id) : undefined;
    return this.#addressOf(region, shardOfJob(id, this.#placement.shards));
  }

  /** The bridge for a request about a tenant, not about one job. */
  ofTenant(tenant: string): BridgeAddress {
    return this.#addressOf(undefined, shardOf(tenant, this.#placement.shards));
  }

  /** All bridges that may have jobs of this caller. */
  all(): BridgeAddress[] {
    const { region, shards } = this.#placement;
    const regions = region === undefined ? [undefined] : [undefined, region];
    return regions.flatMap((one) =>
      Array.from({ length: shards }, (_, shard) => this.#addressOf(one, shard)),
    );
  }

  #addressOf(region: Region | undefined, shard: number): BridgeAddress {
    const locationHint = region ?? this.#placement.locationHint;
    return addressOf(region, shard, locationHint);
  }
}

function addressOf(region: Region | undefined, shard: number, locationHint?: Region): BridgeAddress {
  return { name: `bridge-${region ?? GLOBAL}-${shard}`, ...(locationHint && { locationHint }) };
}
