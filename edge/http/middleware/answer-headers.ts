import { createMiddleware } from 'hono/factory';
import type { EdgeHono } from '../edge-app.ts';

/**
 * Adds what every answer has. No cache keeps an answer that names no `Cache-Control` of its own, since it belongs to one
 * caller and is soon out of date. No browser guesses another media type.
 */
export function answerHeaders() {
  return createMiddleware<EdgeHono>(async function answerHeaders(c, next) {
    await next();
    const { headers } = c.res;
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
    headers.set('x-content-type-options', 'nosniff');
  });
}
