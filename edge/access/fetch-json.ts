const TIMEOUT_MS = 3_000;

/**
 * Gets a JSON document. A redirect is not followed: it could lead to keys of somebody else.
 * @throws when there is no such answer in time
 */
export async function fetchJson(url: string): Promise<unknown> {
  const response = await fetch(url, {
    redirect: 'manual',
    headers: { accept: 'application/json, application/jwk-set+json' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status === 200) return await response.json();
  await response.body?.cancel();
  throw new Error(`HTTP status ${response.status}`);
}
