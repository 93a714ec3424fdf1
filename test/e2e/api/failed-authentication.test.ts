import { expect, it } from 'vitest';
import { createApiKey } from '../../../shared/api/access.ts';
import { problemOf, startTestStack } from '../../support/stack.ts';

const PER_MINUTE = 5;

it('A28: an address that sends wrong keys gets 429; another address and a valid key do not', async () => {
  const stack = await startTestStack({ edge: { FAILED_AUTH_PER_MINUTE: String(PER_MINUTE) } });
  // Miniflare tells no address of the socket. A client of Cloudflare cannot set this header.
  const from = (address: string, key: string) =>
    stack.call('/v1/operations', {
      headers: { authorization: `Bearer ${key}`, 'cf-connecting-ip': address },
    });
  const statuses: number[] = [];
  for (let n = 0; n < 2 * PER_MINUTE; n++)
    statuses.push((await from('192.0.2.1', createApiKey('guess'))).status);
  expect(statuses.slice(0, PER_MINUTE)).toEqual(Array(PER_MINUTE).fill(401));
  // A token comes back every 12 seconds.
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(PER_MINUTE - 2);
  const refused = await from('192.0.2.1', 'wrong');
  expect([refused.status, (await problemOf(refused)).code]).toEqual([429, 'rate-limited']);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await from('192.0.2.1', stack.apiKey)).status).toBe(200);
  expect((await from('192.0.2.2', 'wrong')).status).toBe(401);
});
