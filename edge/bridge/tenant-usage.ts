import { BRIDGE_QUOTAS, type BridgeUsage, type Usage } from '../../shared/api/usage.ts';
import type { BridgeParts } from './bridge-parts.ts';

/** What a bridge knows of a tenant's usage. */
type KnownUsage = Usage & BridgeUsage;

const NOTHING = Object.fromEntries(BRIDGE_QUOTAS.map((name) => [name, 0])) as KnownUsage;

type UsageParts = Pick<BridgeParts, 'outbox' | 'waits' | 'usage' | 'quotasOf'> & {
  readonly watches: Pick<BridgeParts['watches'], 'readers'>;
};

/** What a tenant takes of a bridge now. */
export function usageOf({ outbox, waits, watches }: UsageParts, tenant: string): BridgeUsage {
  return {
    ...outbox.usedBy(tenant),
    waits: waits.byTenant.get(tenant) ?? 0,
    streams: watches.readers.get(tenant) ?? 0,
  };
}

/**
 * How full each quota is for the tenant that has used most of it, as far as the bridge knows. 1: it is used up. The result names no
 * tenant, so its size does not grow with the tenants.
 */
export function fullestUse(parts: UsageParts): KnownUsage {
  const jobs = new Map(parts.usage.all());
  const tenants = new Set([
    ...jobs.keys(),
    ...parts.outbox.tenants,
    ...parts.waits.byTenant.keys(),
    ...parts.watches.readers.keys(),
  ]);
  const fullest = { ...NOTHING };
  for (const tenant of tenants) {
    const used = { ...NOTHING, ...jobs.get(tenant), ...usageOf(parts, tenant) };
    const quotas = parts.quotasOf({ tenant });
    for (const name of BRIDGE_QUOTAS)
      if (used[name] > 0) fullest[name] = Math.max(fullest[name], used[name] / Math.max(1, quotas[name]));
  }
  return fullest;
}
