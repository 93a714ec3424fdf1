import { cors } from 'hono/cors';
import { createMiddleware } from 'hono/factory';
import type { EdgeConfig } from '../../config.ts';
import type { EdgeHono } from '../scope.ts';

const PREFLIGHT_SECONDS = 7_200;

/**
 * Lets pages of `CORS_ORIGINS` call the API; without that setting it does nothing. Stands before `authenticate()`,
 * since a browser asks first (preflight) without a key. Cookies mean nothing here, so no credentials are allowed.
 */
export function crossOrigin() {
  const handle = cors({
    origin: (origin, c) => allowedOrigin(origin, c.env.config),
    allowMethods: ['GET', 'POST', 'DELETE'],
    allowHeaders: [
      'authorization',
      'content-type',
      'idempotency-key',
      'prefer',
      'traceparent',
      'tracestate',
      'baggage',
      'last-event-id',
    ],
    exposeHeaders: [
      'traceresponse',
      'location',
      'retry-after',
      'preference-applied',
      'idempotency-replayed',
      'www-authenticate',
      'RateLimit',
      'RateLimit-Policy',
    ],
    maxAge: PREFLIGHT_SECONDS,
  });
  return createMiddleware<EdgeHono>(async function crossOrigin(c, next) {
    const isOff = c.env.config.CORS_ORIGINS.length === 0;
    // An OPTIONS that is no preflight is answered as any other method would be.
    const isPlainOptions =
      c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') === undefined;
    return isOff || isPlainOptions ? await next() : await handle(c, next);
  });
}

function allowedOrigin(origin: string, { CORS_ORIGINS }: EdgeConfig): string | null {
  if (CORS_ORIGINS.includes('*')) return '*';
  return CORS_ORIGINS.includes(origin) ? origin : null;
}
