import { jsonOf } from '../../text/json.ts';
import { isToken } from '../job-address.ts';

/**
 * What a setting says about each tenant: a JSON object with the names of tenants. (The records of zod leave out `__proto__`, which may be
 * the name of a tenant.)
 * @param read reads what it says about one tenant; undefined if that is wrong
 * @returns undefined if anything in it is wrong
 */
export function tenantMap<T>(
  given: unknown,
  read: (value: unknown) => T | undefined,
): ReadonlyMap<string, T> | undefined {
  const value = jsonOf(given);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const map = new Map<string, T>();
  for (const [tenant, one] of Object.entries(value)) {
    const known = isToken(tenant) ? read(one) : undefined;
    if (known === undefined) return undefined;
    map.set(tenant, known);
  }
  return map;
}
