import { createMiddleware } from 'hono/factory';
import { describeThrown, ThroughlineError } from '../../../shared/errors.ts';
import { policyHeader, RATE_LIMIT_WINDOWS, spentHeader } from '../../access/rate-limit-policy.ts';
import type { EdgeHono, Scope } from '../scope.ts';

const LONGEST_WINDOW = Math.max(...RATE_LIMIT_WINDOWS);

/**
 * Counts the requests of a tenant with the `RATE_LIMITER` binding, and refuses what is too much; without the binding
 * it does nothing. Stands behind `authenticate()`. The binding does not say what remains nor when its window ends, so
 * only a refusal has a `RateLimit` header, and its time is the whole window.
 */
export function rateLimit() {
  return createMiddleware<EdgeHono>(async function rateLimit(c, next) {
    const { RATE_LIMITER: limiter, RATE_LIMIT_POLICY: policy } = c.env.config;
    const tenant = c.env.requestContext.identity?.tenant;
    if (limiter === undefined || tenant === undefined) return await next();
    if (policy !== undefined) c.header('RateLimit-Policy', policyHeader(policy));
    if (!(await isAllowed(tenant, limiter, c.env))) {
      const seconds = policy?.windowSeconds ?? LONGEST_WINDOW;
      c.header('RateLimit', spentHeader(seconds));
      throw new ThroughlineError('rate-limited', `too many requests; come again in ${seconds} s`, {
        retryAfterSeconds: seconds,
      });
    }
    await next();
  });
}

/** A counter that fails must not take the API down with it. */
async function isAllowed(tenant: string, limiter: RateLimit, { log }: Scope): Promise<boolean> {
  try {
    return (await limiter.limit({ key: tenant })).success;
  } catch (thrown) {
    log.warn('the rate limiter failed', { reason: describeThrown(thrown) });
    return true;
  }
}
