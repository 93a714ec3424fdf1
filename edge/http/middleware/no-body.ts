import { createMiddleware } from 'hono/factory';
import { withDeadline } from '../../../shared/deadline.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import type { EdgeHono } from '../edge-app.ts';
import { readBody } from './read-body.ts';

/** Some clients send an empty object with each POST. It says nothing, so it is taken for no body. */
const EMPTY_OBJECT = '{}';

/** Refuses any other body: without the error, a caller would not notice that it has no effect. */
export function noBody() {
  return createMiddleware<EdgeHono>(async function noBody(c, next) {
    const reading = readBody(c.req.raw, EMPTY_OBJECT.length, refused);
    const body = await withDeadline(reading, c.env.config.BODY_TIMEOUT_MS, refused);
    if (body.length > 0 && new TextDecoder().decode(body) !== EMPTY_OBJECT) throw refused();
    await next();
  });
}

function refused(): ThroughlineError {
  return new ThroughlineError('request-invalid', 'this request takes no body: send it without one');
}
