import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { AnswerHeaders, EdgeHono } from '../edge-app.ts';

/**
 * The headers that every answer has, unless the route sets another value. They tell caches not to keep the answer, which belongs to one
 * caller and is soon out of date, and browsers not to guess another media type. Middleware adds more for its request.
 */
export const COMMON_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

/** Adds the common headers to an answer that has been made without them. */
export function addCommonHeaders(c: Context<EdgeHono>): void {
  if (c.get('isWhole') === true) return;
  const { headers } = c.res;
  for (const [name, values] of Object.entries(c.get('commonHeaders'))) {
    if (headers.has(name)) continue;
    for (const value of [values].flat()) headers.append(name, value);
  }
}

/** An answer of JSON that is made with all of its headers: setting them later, one by one, takes longer. */
export function wholeJson(
  c: Context<EdgeHono>,
  json: string,
  status: ContentfulStatusCode,
  headers: AnswerHeaders,
): Response {
  c.set('isWhole', true);
  const all = { 'content-type': 'application/json', ...c.get('commonHeaders'), ...headers };
  // Hono sets them one by one.
  if (isPlain(all)) return new Response(json, { status, headers: all });
  return c.body(json, status, all);
}

/** Whether no header has several values. */
function isPlain(headers: AnswerHeaders): headers is Record<string, string> {
  for (const name in headers) if (typeof headers[name] !== 'string') return false;
  return true;
}
