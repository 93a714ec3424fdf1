import { afterEach, describe, expect, it, vi } from 'vitest';
import { identify } from '../../../edge/access/identify.ts';
import { edgeConfig } from '../../../edge/config.ts';
import { createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import { edgeEnv } from '../support/edge-env.ts';

const KEY = createApiKey('ci');
const keepAlive = (): void => undefined;

async function configWith(entries: readonly object[]) {
  return edgeConfig(edgeEnv({ API_KEYS: JSON.stringify(entries) }));
}

const own = async () => ({ id: 'ci', tenant: 'acme', hash: await hashApiKey(KEY) });
const tenantOf = async (key: string, config: Awaited<ReturnType<typeof configWith>>) =>
  (await identify(`Bearer ${key}`, config, keepAlive)).identity?.tenant;

afterEach(() => vi.restoreAllMocks());

describe('an API key', () => {
  it.each(['Bearer ', 'bearer  ', 'BEARER   '])(
    'may stand after %j (RFC 9110, section 11.4)',
    async (scheme) => {
      const config = await configWith([await own()]);
      expect((await identify(`${scheme}${KEY}`, config, keepAlive)).identity?.tenant).toBe('acme');
    },
  );

  it('is hashed once for each configuration, if it is valid', async () => {
    const config = await configWith([await own()]);
    const digest = vi.spyOn(crypto.subtle, 'digest');
    for (let n = 0; n < 3; n++) expect(await tenantOf(KEY, config)).toBe('acme');
    expect(digest).toHaveBeenCalledTimes(1);
  });

  it('is hashed for each request, if it is not valid', async () => {
    const config = await configWith([await own()]);
    const digest = vi.spyOn(crypto.subtle, 'digest');
    const wrong = createApiKey('ci');
    for (let n = 0; n < 3; n++) expect(await tenantOf(wrong, config)).toBeUndefined();
    expect(digest).toHaveBeenCalledTimes(3);
  });

  it('means nothing by a configuration without it, whatever another one says', async () => {
    expect(await tenantOf(KEY, await configWith([await own()]))).toBe('acme');
    expect(await tenantOf(KEY, await configWith([{ ...(await own()), tenant: 'globex' }]))).toBe('globex');
    expect(await tenantOf(KEY, await configWith([]))).toBeUndefined();
  });
});
