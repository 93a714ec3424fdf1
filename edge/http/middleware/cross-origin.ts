import { cors } from 'hono/cors';
import { createMiddleware } from 'hono/factory';
import { ThroughlineError } from '../../../shared/errors.ts';
import type { EdgeConfig } from '../../config.ts';
import type { EdgeHono } from '../edge-app.ts';

const PREFLIGHT_SECONDS = 7_200;

const REQUEST_HEADERS = [
  'authorization',
  'content-type',
  'idempotency-key',
  'prefer',
  'traceparent',
  'tracestate',
  'baggage',
  'last-event-id',
];
/** All headers of answers that the OpenAPI document names. */
const ANSWER_HEADERS = [
  'traceresponse',
  'location',
  'retry-after',
  'preference-applied',
  'idempotency-replayed',
  'unique-existing',
  'www-authenticate',
  'accept',
  'accept-encoding',
  'etag',
  'RateLimit',
  'RateLimit-Policy',
];

/**
 * Lets web pages of the origins in `CORS_ORIGINS` call the API, and refuses the preflight requests of all others. It comes
 * before `authenticate()`, because a browser's preflight request has no key. The API reads no cookies, so it allows none.
 */
export function crossOrigin() {
  const handle = cors({
    origin: (origin, c) => allowedOrigin(origin, c.env.config),
    allowMethods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowHeaders: REQUEST_HEADERS,
    exposeHeaders: ANSWER_HEADERS,
    maxAge: PREFLIGHT_SECONDS,
  });
  return createMiddleware<EdgeHono>(function crossOrigin(c, next) {
    const { config } = c.env;
    // Only a preflight is answered here. Any other OPTIONS request goes on to the routes.
    const isOptions = c.req.method === 'OPTIONS';
    const isPreflight = isOptions && c.req.header('access-control-request-method') !== undefined;
    if (isPreflight && allowedOrigin(c.req.header('origin') ?? '', config) === null)
      throw new ThroughlineError(
        'forbidden',
        'CORS_ORIGINS does not let web pages of this origin call the API',
      );
    const isOurs = isPreflight || (!isOptions && config.CORS_ORIGINS.length > 0);
    return isOurs ? handle(c, next) : next();
  });
}

function allowedOrigin(origin: string, { CORS_ORIGINS }: EdgeConfig): string | null {
  if (CORS_ORIGINS.includes('*')) return '*';
  return CORS_ORIGINS.includes(origin) ? origin : null;
}
