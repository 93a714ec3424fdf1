import type { Stack } from '../../dev/stack.ts';
import { createApiKey, hashApiKey } from '../../shared/api/access.ts';

/** A tenant with a key of its own. */
export interface Tenant {
  readonly name: string;
  readonly key: string;
}

/** Tenants with these names, and the edge's setting that accepts their keys. */
export async function makeTenants(
  names: readonly string[],
): Promise<{ readonly all: readonly Tenant[]; readonly API_KEYS: string }> {
  const all = names.map((name) => ({ name, key: createApiKey(name) }));
  const entries = all.map(async ({ name, key }) => ({ id: name, tenant: name, hash: await hashApiKey(key) }));
  return { all, API_KEYS: JSON.stringify(await Promise.all(entries)) };
}

/** Sends a request of a tenant; with a body it is a POST of JSON. */
export async function call(
  { url }: Pick<Stack, 'url'>,
  { key }: Tenant,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<Response> {
  const authorization = `Bearer ${key}`;
  return await fetch(`${url}${path}`, {
    ...(signal && { signal }),
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: {
      authorization,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
  });
}
