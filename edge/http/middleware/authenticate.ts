import { createMiddleware } from 'hono/factory';
import { ThroughlineError } from '../../../shared/errors.ts';
import type { EdgeHono } from '../scope.ts';

/** Refuses a request without a valid API key or token. Every reason gets the same answer, so that none can be told apart. */
export function authenticate() {
  return createMiddleware<EdgeHono>(async function authenticate(c, next) {
    const { identity, fault } = c.env.requestContext;
    if (identity === undefined) {
      if (fault !== undefined) c.env.log.error('the signing keys cannot be had', { reason: fault });
      c.header('www-authenticate', 'Bearer realm="throughline"');
      throw new ThroughlineError('unauthenticated', 'send a valid key or token as "Authorization: Bearer …"');
    }
    await next();
  });
}
