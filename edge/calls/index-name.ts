import { shardOf } from './shard.ts';

const PREFIX = 'index-';

/** The name of the object that knows a tenant's jobs. */
export function indexName(tenant: string, shards: number): string {
  return `${PREFIX}${shardOf(tenant, shards)}`;
}

/** The shard that {@link indexName} named. */
export function shardNumber(name: string): number {
  return Number(name.slice(PREFIX.length));
}
