import { type Context, Hono } from 'hono';
import { sha256Hex } from '../../../shared/text/digest.ts';
import openApi from '../openapi/openapi.json' with { type: 'json' };
import { openApiPage } from '../openapi/page.ts';
import { pagePolicy } from '../openapi/page-style.ts';
import type { EdgeHono } from '../scope.ts';

const HEADERS = {
  'cache-control': 'public, max-age=300',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

/** A text that is the same for as long as the Worker is deployed. */
interface Text {
  readonly type: string;
  readonly text: string;
  readonly policy: string;
}

/** `/openapi.json`: what `npm run openapi` made of the routes' descriptions. `/docs`: the same as a page. */
export function documentRoutes(): Hono<EdgeHono> {
  const app = new Hono<EdgeHono>();
  app.get(
    '/openapi.json',
    serve(async () => ({
      type: 'application/json',
      text: JSON.stringify(openApi),
      policy: "default-src 'none'",
    })),
  );
  app.get(
    '/docs',
    serve(async () => ({
      type: 'text/html; charset=utf-8',
      text: openApiPage(openApi),
      policy: await pagePolicy(),
    })),
  );
  return app;
}

/** Makes a text when it is first asked for; whoever has it already gets 304 (RFC 9110, section 13.1.2). */
function serve(make: () => Promise<Text>) {
  let made: { readonly text: string; readonly headers: Readonly<Record<string, string>> } | undefined;
  return async (c: Context<EdgeHono>): Promise<Response> => {
    made ??= await withTag(await make());
    const { text, headers } = made;
    return isKnown(c.req.header('if-none-match'), headers.etag ?? '')
      ? c.body(null, 304, headers)
      : c.body(text, 200, headers);
  };
}

async function withTag({ type, text, policy }: Text) {
  const etag = `"${(await sha256Hex(text)).slice(0, 32)}"`;
  return { text, headers: { ...HEADERS, 'content-type': type, 'content-security-policy': policy, etag } };
}

function isKnown(header: string | undefined, tag: string): boolean {
  const tags = (header ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  return tags.includes(tag) || tags.includes('*');
}
