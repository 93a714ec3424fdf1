import { createMiddleware } from 'hono/factory';
import { ThroughlineError } from '../../shared/errors.ts';
import type { EdgeHono } from '../scope.ts';

/** Refuses a request without a valid API key. Every reason gets the same answer, so that none can be told apart. */
export function authenticate() {
  return createMiddleware<EdgeHono>(async function authenticate(c, next) {
    if (c.env.intake.identity === undefined) {
      c.header('www-authenticate', 'Bearer realm="throughline"');
      throw new ThroughlineError('unauthenticated', 'send a valid key as "Authorization: Bearer tl_…"');
    }
    await next();
  });
}
