import type { Context } from 'hono';
import { etag, RETAINED_304_HEADERS } from 'hono/etag';
import openApi from '../docs/openapi.json' with { type: 'json' };
import { openApiPage } from '../docs/page.ts';
import { pagePolicy } from '../docs/page-style.ts';
import { EdgeApp, type EdgeHono } from '../edge-app.ts';

const HEADERS = {
  'cache-control': 'public, max-age=300',
  'referrer-policy': 'no-referrer',
} as const;
const TAG_BYTES = 16;
/** Without these headers, a browser does not let a page of another origin read the answer. That also holds for a 304. */
const CROSS_ORIGIN_HEADERS = ['access-control-allow-origin', 'access-control-expose-headers'];

/** `/`: leads to the page. `/openapi.json`: the document that `npm run openapi` wrote. `/docs`: the same document as a page for people. */
export function documentRoutes(): EdgeApp {
  const app = new EdgeApp();
  const tagged = etag({
    generateDigest: async (body) => (await crypto.subtle.digest('SHA-256', body)).slice(0, TAG_BYTES),
    retainedHeaders: [...RETAINED_304_HEADERS, ...CROSS_ORIGIN_HEADERS],
  });
  app.get('/', (c) => c.redirect('/docs'));
  app.get('/openapi.json', tagged, serve('application/json', openApiText));
  app.get('/docs', tagged, serve('text/html; charset=utf-8', docsPage));
  return app;
}

interface DocumentText {
  readonly text: string;
  /** The Content-Security-Policy of the answer. */
  readonly policy: string;
}

async function openApiText(): Promise<DocumentText> {
  return { text: JSON.stringify(openApi), policy: "default-src 'none'" };
}

async function docsPage(): Promise<DocumentText> {
  return { text: await openApiPage(openApi), policy: await pagePolicy() };
}

/** Serves a text that is made at the first request for it. */
function serve(type: string, make: () => Promise<DocumentText>) {
  let made: DocumentText | undefined;
  return async (c: Context<EdgeHono>): Promise<Response> => {
    made ??= await make();
    const { text, policy } = made;
    return c.body(text, 200, { ...HEADERS, 'content-type': type, 'content-security-policy': policy });
  };
}
