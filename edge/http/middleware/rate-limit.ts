import { createMiddleware } from 'hono/factory';
import { describeThrown, ThroughlineError } from '../../../shared/errors.ts';
import { policyHeader, RATE_LIMIT_WINDOWS, spentHeader } from '../../access/rate-limit-policy.ts';
import type { EdgeBindings, EdgeHono } from '../edge-app.ts';

const LONGEST_WINDOW = Math.max(...RATE_LIMIT_WINDOWS);

/**
 * Counts the requests of each tenant with the `RATE_LIMITER` binding, and refuses those over the limit. Without this
 * binding, no request is limited. Use this after `authenticate()`. The binding does not say how many requests are left
 * or when its window ends. For this reason only a refusal has a `RateLimit` header, and that header names the whole
 * window.
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
      throw new ThroughlineError('rate-limited', `too many requests; try again in ${seconds} s`, {
        retryAfterSeconds: seconds,
      });
    }
    await next();
  });
}

/** Whether the tenant is below its limit. When the rate limiter itself fails, every request is allowed. */
async function isAllowed(tenant: string, limiter: RateLimit, { log }: EdgeBindings): Promise<boolean> {
  try {
    return (await limiter.limit({ key: tenant })).success;
  } catch (thrown) {
    log.warn('the rate limiter failed', { reason: describeThrown(thrown) });
    return true;
  }
}
