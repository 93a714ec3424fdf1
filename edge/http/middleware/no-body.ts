import { createMiddleware } from 'hono/factory';
import { withDeadline } from '../../../shared/deadline.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import type { EdgeHono } from '../edge-app.ts';
import { readBody } from './read-body.ts';

/** Refuses a body that is not empty: without the error, a caller would not notice that it has no effect. */
export function noBody() {
  return createMiddleware<EdgeHono>(async function noBody(c, next) {
    await withDeadline(readBody(c.req.raw, 0, refused), c.env.config.BODY_TIMEOUT_MS, refused);
    await next();
  });
}

function refused(): ThroughlineError {
  return new ThroughlineError('request-invalid', 'this request takes no body: send it without one');
}
