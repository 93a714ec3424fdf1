import type { Context } from 'hono';
import { etag, RETAINED_304_HEADERS } from 'hono/etag';
import { sha256Hex } from '../../../shared/text/secret.ts';
import openApi from '../docs/openapi.json' with { type: 'json' };
import { openApiPage } from '../docs/page.ts';
import { pagePolicy } from '../docs/page-style.ts';
import { EdgeApp, type EdgeHono } from '../edge-app.ts';

const HEADERS = {
  'cache-control': 'public, max-age=300',
  'referrer-policy': 'no-referrer',
} as const;
const TAG_DIGITS = 32;
/** Without these headers, a browser does not let a page of another origin read the answer. That also holds for a 304. */
const CROSS_ORIGIN_HEADERS = ['access-control-allow-origin', 'access-control-expose-headers'];

/** `/`: leads to the page. `/openapi.json`: the document that `npm run openapi` wrote. `/docs`: the same document as a page for people. */
export function documentRoutes(): EdgeApp {
  const app = new EdgeApp();
  const tagged = etag({ retainedHeaders: [...RETAINED_304_HEADERS, ...CROSS_ORIGIN_HEADERS] });
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

/** Serves a text that is made at the first request for it, and so is its tag: no key is needed, so a request must cost little. */
function serve(type: string, make: () => Promise<DocumentText>) {
  let made: { readonly text: string; readonly headers: Record<string, string> } | undefined;
  return async (c: Context<EdgeHono>): Promise<Response> => {
    made ??= await answerOf(type, await make());
    return c.body(made.text, 200, made.headers);
  };
}

async function answerOf(type: string, { text, policy }: DocumentText) {
  const etag = `"${(await sha256Hex(text)).slice(0, TAG_DIGITS)}"`;
  return { text, headers: { ...HEADERS, 'content-type': type, 'content-security-policy': policy, etag } };
}
