import { createApiKey, hashApiKey } from '../../shared/api/access.ts';

/** A caller of the API with a key of its own. */
export interface Caller {
  readonly key: string;
  /** Sends a request to the edge at `url`. */
  readonly call: (url: string, path: string, init?: RequestInit) => Promise<Response>;
  /** Submits a job. */
  readonly submit: (url: string, body: unknown, headers?: Record<string, string>) => Promise<Response>;
}

/** Tenants with a key each, and the edge's setting that accepts the keys. */
export async function tenants<Name extends string>(
  ...names: readonly Name[]
): Promise<{ readonly callers: Readonly<Record<Name, Caller>>; readonly API_KEYS: string }> {
  const keys = names.map((tenant) => ({ tenant, key: createApiKey(tenant) }));
  const entries = keys.map(async ({ tenant, key }) => ({ id: tenant, tenant, hash: await hashApiKey(key) }));
  return {
    callers: Object.fromEntries(keys.map(({ tenant, key }) => [tenant, callerWith(key)])) as Record<
      Name,
      Caller
    >,
    API_KEYS: JSON.stringify(await Promise.all(entries)),
  };
}

function callerWith(key: string): Caller {
  const call: Caller['call'] = (url, path, init = {}) =>
    fetch(`${url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, ...Object.fromEntries(new Headers(init.headers)) },
    });
  const submit: Caller['submit'] = (url, body, headers = {}) =>
    call(url, '/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  return { key, call, submit };
}
