import { TokenBuckets } from '../../shared/collections/token-buckets.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { LIMITS } from '../../shared/job/limits.ts';
import type { QuotaName } from '../../shared/quotas.ts';
import type { RateLimitPolicy } from './rate-limit-policy.ts';

const SECOND_MS = 1_000;
const MINUTE_SECONDS = 60;
/** A caller who was quiet may send the requests of this many seconds at once. */
const BURST_SECONDS = 10;
const ONE = { count: 1, before: 0 };
const FROM_STRANGER = 'too many requests without a valid key or token came from your address';

interface RequestLimitSettings {
  readonly ADDRESS_REQUESTS_PER_SECOND: number;
  readonly FAILED_AUTH_PER_MINUTE: number;
}

/** The policy for a number of requests per second. A whole batch always fits into it. */
export function policyOf(perSecond: number): RateLimitPolicy {
  const quota = Math.max(LIMITS.batchJobs, perSecond * BURST_SECONDS);
  return { quota, windowSeconds: Math.ceil(quota / perSecond) };
}

/** Token buckets for the requests of tenants and addresses. Each isolate has its own. */
export class RequestLimits {
  readonly #byTenant = new TokenBuckets();
  readonly #byAddress = new TokenBuckets();
  readonly #failures = new TokenBuckets();
  readonly #address: RateLimitPolicy;
  readonly #failure: RateLimitPolicy;

  constructor(settings: RequestLimitSettings) {
    this.#address = policyOf(settings.ADDRESS_REQUESTS_PER_SECOND);
    this.#failure = { quota: settings.FAILED_AUTH_PER_MINUTE, windowSeconds: MINUTE_SECONDS };
  }

  /**
   * Counts requests of a tenant, or the jobs of a batch. If tokens of one tenant name different quotas, each quota is counted
   * separately: a caller with a small one does not use up that of another.
   * @param perSecond how many requests the caller may send in a second
   * @param before how many of the same HTTP request were counted already. They count again when it is sent again, so the wait that
   *   the error names includes them
   * @throws ThroughlineError `rate-limited`; then none of them is counted
   */
  takeTenant(tenant: string, perSecond: number, count: number, before = 0): void {
    const key = `${tenant} ${perSecond}`;
    const tokens = { count, before };
    take(this.#byTenant, key, 'requests', policyOf(perSecond), tokens, 'this tenant sends too much');
  }

  /** Counts a request without a valid key or token. @throws ThroughlineError `rate-limited` */
  takeAddress(address: string): void {
    take(this.#byAddress, address, 'addressRequests', this.#address, ONE, FROM_STRANGER);
  }

  /** Counts a failed authentication. @throws ThroughlineError `rate-limited` */
  takeFailure(address: string): void {
    take(this.#failures, address, 'failedAuthentication', this.#failure, ONE, FROM_STRANGER);
  }
}

function take(
  buckets: TokenBuckets,
  key: string,
  name: QuotaName,
  { quota: limit, windowSeconds }: RateLimitPolicy,
  { count, before }: typeof ONE,
  what: string,
): void {
  const size = { capacity: limit, periodMs: windowSeconds * SECOND_MS };
  const waitMs = buckets.take(key, Date.now(), size, count);
  if (waitMs === 0) return;
  const retryAfterSeconds = Math.ceil((waitMs + (before * size.periodMs) / limit) / SECOND_MS);
  throw new ThroughlineError('rate-limited', `${what}; try again in ${retryAfterSeconds} s`, {
    quota: { name, limit, windowSeconds },
    retryAfterSeconds,
  });
}
