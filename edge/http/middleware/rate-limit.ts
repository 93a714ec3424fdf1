import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { describeThrown, ThroughlineError } from '../../../shared/errors.ts';
import type { SpentQuota } from '../../../shared/quotas.ts';
import { clientAddress } from '../../access/client-address.ts';
import type { Identity } from '../../access/identify.ts';
import { quotasOf } from '../../access/quotas.ts';
import { policyItem, RATE_LIMIT_WINDOWS } from '../../access/rate-limit-policy.ts';
import { policyOf } from '../../access/request-limits.ts';
import type { AppBindings, EdgeHono } from '../edge-app.ts';

const LONGEST_WINDOW = Math.max(...RATE_LIMIT_WINDOWS);
/** A supervisor must always learn whether the Worker runs, and the answer costs nothing. */
const UNLIMITED_PATH = '/healthz';
const POLICY = 'RateLimit-Policy';

/**
 * Refuses requests above a limit: of a tenant, or of an address without a valid key or token. Every answer to a tenant has its
 * limits (`RateLimit-Policy`). Only a refusal says how much is left (`RateLimit`): each isolate counts for itself, so the number
 * would be wrong for another one.
 */
export function limitRequests() {
  return createMiddleware<EdgeHono>(function limitRequests(c, next) {
    const { requestContext, requestLimits, config } = c.env;
    const { identity } = requestContext;
    if (c.req.path === UNLIMITED_PATH) return next();
    if (identity === undefined) requestLimits.takeAddress(clientAddress(c.req.raw));
    else {
      addPolicy(c, policyTextOf(requestsPerSecond(c, identity)));
      countRequests(c, 1);
      if (config.RATE_LIMITER !== undefined) return askLimiter(c, identity.tenant).then(next);
    }
    return next();
  });
}

/** The policy of the last answer. Nearly all tenants have the same limit. */
let lastPolicy: { readonly perSecond: number; readonly text: string } | undefined;

function policyTextOf(perSecond: number): string {
  if (lastPolicy?.perSecond !== perSecond) {
    const { quota: limit, windowSeconds } = policyOf(perSecond);
    lastPolicy = { perSecond, text: policyItem({ name: 'requests', limit, windowSeconds }) };
  }
  return lastPolicy.text;
}

/**
 * Counts requests of the tenant, or jobs of a batch that count as such.
 * @param before how many of this request were counted already
 * @throws ThroughlineError `rate-limited`
 */
export function countRequests(c: Context<EdgeHono>, count: number, before = 0): void {
  const { identity } = c.env.requestContext;
  if (identity === undefined || count === 0) return;
  c.env.requestLimits.takeTenant(identity.tenant, requestsPerSecond(c, identity), count, before);
}

function requestsPerSecond(c: Context<EdgeHono>, { tenant, quotas }: Identity): number {
  return quotasOf(c.env.config, tenant, quotas).requests;
}

/** Asks the binding `RATE_LIMITER`, which counts per Cloudflare location, if there is one. @throws ThroughlineError `rate-limited` */
async function askLimiter(c: Context<EdgeHono>, tenant: string): Promise<void> {
  const { RATE_LIMITER: limiter, RATE_LIMIT_POLICY: policy } = c.env.config;
  if (limiter === undefined) return;
  const quota = policy && ({ name: 'locationRequests', limit: policy.quota, ...policy } satisfies SpentQuota);
  if (quota !== undefined) addPolicy(c, policyItem(quota));
  if (await isAllowed(tenant, limiter, c.env)) return;
  const seconds = policy?.windowSeconds ?? LONGEST_WINDOW;
  throw new ThroughlineError('rate-limited', `too many requests; try again in ${seconds} s`, {
    quota,
    retryAfterSeconds: seconds,
  });
}

/** Adds a limit to `RateLimit-Policy`, unless the header already has it. */
export function addPolicy(c: Context<EdgeHono>, policy: string): void {
  const headers = c.get('commonHeaders');
  const told = headers[POLICY];
  if (told === undefined) headers[POLICY] = policy;
  else if (!told.includes(policy)) headers[POLICY] = [told, policy].flat();
}

/** Whether the tenant is below its limit. When the rate limiter itself fails, every request is allowed. */
async function isAllowed(tenant: string, limiter: RateLimit, { log }: AppBindings): Promise<boolean> {
  try {
    return (await limiter.limit({ key: tenant })).success;
  } catch (thrown) {
    log.warn('the rate limiter failed', { reason: describeThrown(thrown) });
    return true;
  }
}
