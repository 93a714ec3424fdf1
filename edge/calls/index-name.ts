import { shardOf } from './shard.ts';

const PREFIX = 'index-';

/** The name of the index that lists a tenant's jobs. */
export function indexName(tenant: string, shards: number): string {
  return `${PREFIX}${shardOf(tenant, shards)}`;
}

/** The number of the index with this name. */
export function shardNumber(name: string): number {
  return Number(name.slice(PREFIX.length));
}
