import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { type AccessScope, hasScope, isLimitedToOperations, mayWrite } from '../../../shared/api/access.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { clientAddress } from '../../access/client-address.ts';
import type { EdgeHono } from '../edge-app.ts';

const CHALLENGE = 'Bearer realm="throughline"';

/**
 * Refuses a request without a valid API key or token. The answer is the same for every reason, so that the caller
 * cannot learn the reason. An address that fails too often gets 429. A valid key or token passes from any address: many
 * callers may share one.
 */
export function authenticate() {
  return createMiddleware<EdgeHono>(function authenticate(c, next) {
    const { identity, fault } = c.env.requestContext;
    if (identity === undefined) {
      if (fault !== undefined) c.env.log.error('the signing keys cannot be fetched', { reason: fault });
      else c.env.requestLimits.takeFailure(clientAddress(c.req.raw));
      c.header('www-authenticate', CHALLENGE);
      throw new ThroughlineError('unauthenticated', 'send a valid key or token as "Authorization: Bearer …"');
    }
    return next();
  });
}

/** Refuses a caller whose key or token does not have `scope`. Use this after `authenticate()`. */
export function requireScope(scope: AccessScope) {
  return createMiddleware<EdgeHono>(function requireScope(c, next) {
    if (!hasScope(scopesOf(c), scope)) throw challenge(c, scope);
    return next();
  });
}

/** Refuses a caller who may not submit jobs of this operation. @throws ThroughlineError `forbidden` */
export function requireWrite(c: Context<EdgeHono>, operation: string): void {
  if (!mayWrite(scopesOf(c), operation)) throw challenge(c, `jobs:write:${operation}`);
}

/** The error for a caller without `scope`. @param advice what the caller can do instead, as the end of the error's sentence */
export function insufficientScope(scope: AccessScope, advice = ''): ThroughlineError {
  return new ThroughlineError('forbidden', `the key or token does not have the scope ${scope}${advice}`);
}

/**
 * Refuses a caller who may submit jobs of some operations only, unless the operation is one of them. A caller who may submit
 * no jobs at all is not refused: the scopes for other actions decide what this caller may do.
 * @param read looks the operation up; undefined: there is nothing to protect
 * @throws ThroughlineError `forbidden`
 */
export async function requireOwnOperation(
  c: Context<EdgeHono>,
  read: () => Promise<string | undefined> | string | undefined,
): Promise<void> {
  if (isLimitedToOperations(scopesOf(c))) await requireWriteOf(c, read);
}

/**
 * Refuses a request about many jobs if its caller may submit jobs of some operations only, unless it names one of these.
 * @param operation the operation of the jobs; undefined: the request is about all jobs
 * @throws ThroughlineError `forbidden`
 */
export async function requireOwnMany(c: Context<EdgeHono>, operation: string | undefined): Promise<void> {
  if (operation === undefined && isLimitedToOperations(scopesOf(c)))
    throw challenge(c, 'jobs:write', ', so it must name its operation: {"operation":"…"}');
  await requireOwnOperation(c, () => operation);
}

/**
 * Refuses a caller who may not submit jobs of an operation that has to be looked up.
 * @param read looks the operation up; undefined: there is nothing to protect. It is not called for a caller who may submit all
 * @throws ThroughlineError `forbidden`
 */
export async function requireWriteOf(
  c: Context<EdgeHono>,
  read: () => Promise<string | undefined> | string | undefined,
): Promise<void> {
  if (scopesOf(c).has('jobs:write')) return;
  const operation = await read();
  if (operation !== undefined) requireWrite(c, operation);
}

/** The scopes of the caller; none without a valid key or token. */
export function scopesOf(c: Context<EdgeHono>): ReadonlySet<AccessScope> {
  return c.env.requestContext.identity?.scopes ?? new Set();
}

/** Names the missing scope in `WWW-Authenticate` (RFC 6750, section 3.1). @returns the error to throw */
function challenge(c: Context<EdgeHono>, scope: AccessScope, advice?: string): ThroughlineError {
  c.header('www-authenticate', `${CHALLENGE}, error="insufficient_scope", scope="${scope}"`);
  return insufficientScope(scope, advice);
}
