import { createMiddleware } from 'hono/factory';
import type { AccessScope } from '../../../shared/api/access-scope.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import type { EdgeHono } from '../scope.ts';

/** Refuses a caller whose key or token does not allow `scope`. Stands behind `authenticate()`. */
export function requireScope(scope: AccessScope) {
  return createMiddleware<EdgeHono>(async function requireScope(c, next) {
    if (c.env.requestContext.identity?.scopes.has(scope) !== true) {
      // RFC 6750, section 3.1.
      c.header(
        'www-authenticate',
        `Bearer realm="throughline", error="insufficient_scope", scope="${scope}"`,
      );
      throw new ThroughlineError('forbidden', `the key or token does not have the scope ${scope}`);
    }
    await next();
  });
}
