import { createMiddleware } from 'hono/factory';
import { withDeadline } from '../../../shared/deadline.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import type { EdgeHono } from '../edge-app.ts';
import { readBody } from './read-body.ts';

/** Some clients send an empty object with each POST, in their own spelling. It says nothing, so it is taken for no body. */
const NOTHING = /^(?:\s*\{\s*\}\s*)?$/;
const MAX_SIZE = 16;

/** Refuses any other body: without the error, a caller would not notice that it has no effect. */
export function noBody() {
  return createMiddleware<EdgeHono>(async function noBody(c, next) {
    const reading = readBody(c.req.raw, MAX_SIZE, refused);
    const body = await withDeadline(reading, c.env.config.BODY_TIMEOUT_MS, refused);
    if (!NOTHING.test(new TextDecoder().decode(body))) throw refused();
    await next();
  });
}

function refused(): ThroughlineError {
  return new ThroughlineError('request-invalid', 'this request takes no body: send it without one');
}
