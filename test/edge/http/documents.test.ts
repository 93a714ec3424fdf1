import { describe, expect, it, onTestFinished, vi } from 'vitest';
import openApi from '../../../edge/http/docs/openapi.json' with { type: 'json' };
import { setup } from './app-support.ts';

describe('GET /openapi.json', () => {
  it('is the document, needs no key, and is answered 304 to a caller who has it', async () => {
    const { send } = await setup();
    const response = await send('/openapi.json', { headers: { authorization: 'none' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    const tag = response.headers.get('etag') ?? '';
    expect(tag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(await response.json()).toEqual(openApi);
    for (const known of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
      const again = await send('/openapi.json', { headers: { 'if-none-match': known } });
      expect(again.status).toBe(304);
      expect(await again.text()).toBe('');
      expect(again.headers.get('etag')).toBe(tag);
    }
    expect((await send('/openapi.json', { headers: { 'if-none-match': '"x"' } })).status).toBe(200);
  });
});

it.each(['/openapi.json', '/docs'])('%s is hashed once, not for each request', async (path) => {
  const digest = vi.spyOn(crypto.subtle, 'digest');
  onTestFinished(() => digest.mockRestore());
  const { send } = await setup();
  await send(path);
  digest.mockClear();
  for (let n = 0; n < 3; n++) expect((await send(path)).status).toBe(200);
  expect(digest.mock.calls.filter(([, body]) => body.byteLength > 10_000)).toEqual([]);
});

describe('a 304 to a page of another origin', () => {
  it('has the headers without which a browser would not let the page read it', async () => {
    const origin = 'https://app.example';
    const { send } = await setup({}, { CORS_ORIGINS: origin });
    const response = await send('/openapi.json', { headers: { origin, 'if-none-match': '*' } });
    expect(response.status).toBe(304);
    expect(response.headers.get('access-control-allow-origin')).toBe(origin);
    expect(response.headers.get('access-control-expose-headers')).toContain('traceresponse');
  });
});

describe('GET /docs', () => {
  it('shows every operation, schema and error code', async () => {
    const { send } = await setup();
    const page = await (await send('/docs')).text();
    for (const { operationId } of Object.values(openApi.paths).flatMap((methods) => Object.values(methods)))
      expect(page).toContain(`<article id="${operationId}"`);
    for (const name of Object.keys(openApi.components.schemas))
      expect(page).toContain(`<article id="${name}">`);
    const codes = Object.values(openApi.components.responses).flatMap(
      ({ content }) => content['application/problem+json'].schema.properties.code.enum,
    );
    for (const code of codes) expect(page).toContain(`<tr id="${code}">`);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
  });

  it('names all scopes of each operation', async () => {
    const { send } = await setup();
    const page = await (await send('/docs')).text();
    for (const { operationId, security } of Object.values(openApi.paths).flatMap((methods) =>
      Object.values(methods),
    )) {
      const [, card = ''] = page.split(`<article id="${operationId}"`);
      const [access = ''] = card.split('</p>');
      const scopes = (security as readonly { readonly bearer: readonly string[] }[])[0]?.bearer ?? [];
      for (const scope of scopes) expect(access).toContain(`<code>${scope}</code>`);
    }
  });

  it('loads nothing else, and its policy allows nothing else', async () => {
    const { send } = await setup();
    const response = await send('/docs');
    const page = await response.text();
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(|(?:href|src)="https?:|\son\w+=|\sstyle=/i);
    const [, style = ''] = /<style>([\s\S]*)<\/style>/.exec(page) ?? [];
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style));
    const hash = Buffer.from(digest).toString('base64');
    expect(response.headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
  });
});
