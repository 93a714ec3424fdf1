import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RequestLimits } from '../../../edge/access/request-limits.ts';
import { refusalOf } from '../../unit/support.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

const limits = () => new RequestLimits({ ADDRESS_REQUESTS_PER_SECOND: 100, FAILED_AUTH_PER_MINUTE: 60 });

describe('the requests of a tenant', () => {
  it.each([1, 10])('are counted apart for callers whose token allows %i per second', async (perSecond) => {
    const requests = limits();
    for (let n = 0; n < 100; n++) requests.takeTenant('acme', perSecond, 1);
    expect(await refusalOf(async () => requests.takeTenant('acme', perSecond, 1))).toMatchObject({
      code: 'rate-limited',
    });
    for (let n = 0; n < 20_000; n++) requests.takeTenant('acme', 2_000, 1);
    expect(await refusalOf(async () => requests.takeTenant('acme', 2_000, 100))).toMatchObject({
      code: 'rate-limited',
    });
  });

  it('of a batch are not refused again after the time that the refusal names', async () => {
    const requests = limits();
    const batch = async () => {
      requests.takeTenant('acme', 1, 1);
      requests.takeTenant('acme', 1, 99, 1);
    };
    await batch();
    vi.setSystemTime(Date.now() + 50_000);
    const { retryAfterSeconds = 0 } = await refusalOf(batch);
    expect(retryAfterSeconds).toBe(51);
    vi.setSystemTime(Date.now() + retryAfterSeconds * 1_000);
    await batch();
  });
});
