import type { Context } from 'hono';
import { etag, RETAINED_304_HEADERS } from 'hono/etag';
import openApi from '../docs/openapi.json' with { type: 'json' };
import { openApiPage } from '../docs/page.ts';
import { pagePolicy } from '../docs/page-style.ts';
import { EdgeApp, type EdgeHono } from '../edge-app.ts';

const HEADERS = {
  'cache-control': 'public, max-age=300',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;
const TAG_BYTES = 16;
/** A browser lets a page of another origin read an answer only with these, also when the answer is a 304. */
const CROSS_ORIGIN_HEADERS = ['access-control-allow-origin', 'access-control-expose-headers'];

/** `/openapi.json`: the document that `npm run openapi` wrote. `/docs`: the same document as a page for people. */
export function documentRoutes(): EdgeApp {
  const app = new EdgeApp();
  const tagged = etag({
    generateDigest: async (body) => (await crypto.subtle.digest('SHA-256', body)).slice(0, TAG_BYTES),
    retainedHeaders: [...RETAINED_304_HEADERS, ...CROSS_ORIGIN_HEADERS],
  });
  app.get('/openapi.json', tagged, document);
  app.get('/docs', tagged, page());
  return app;
}

function document(c: Context<EdgeHono>): Response {
  return c.json(openApi, 200, { ...HEADERS, 'content-security-policy': "default-src 'none'" });
}

/** Makes the page at the first request for it. */
function page() {
  let text: string | undefined;
  return async (c: Context<EdgeHono>): Promise<Response> => {
    text ??= await openApiPage(openApi);
    return c.html(text, 200, { ...HEADERS, 'content-security-policy': await pagePolicy() });
  };
}
