import { expect, it } from 'vitest';
import { createApiKey } from '../../../shared/api/access.ts';
import { problemOf, startTestStack } from '../../support/stack.ts';

const PER_MINUTE = 5;

it('an address that sends wrong keys gets 429, whatever it says about its address; a valid key passes', async () => {
  const stack = await startTestStack({ edge: { FAILED_AUTH_PER_MINUTE: String(PER_MINUTE) } });
  const statuses: number[] = [];
  for (let n = 0; n < 2 * PER_MINUTE; n++) {
    const headers = { authorization: `Bearer ${createApiKey('guess')}`, 'cf-connecting-ip': `192.0.2.${n}` };
    statuses.push((await stack.call('/v1/operations', { headers })).status);
  }
  expect(statuses.slice(0, PER_MINUTE)).toEqual(Array(PER_MINUTE).fill(401));
  // A token may have come back meanwhile.
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(PER_MINUTE - 1);
  const refused = await stack.call('/v1/operations', { headers: { authorization: 'Bearer wrong' } });
  expect([refused.status, (await problemOf(refused)).code]).toEqual([429, 'rate-limited']);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await stack.call('/v1/operations')).status).toBe(200);
  expect((await fetch(`${stack.url}/healthz`)).status).toBe(200);
});
