import type { Span } from '@opentelemetry/api';

/** Attributes that hold a URL, or the part of one behind its host (the conventions of today, and those before). */
const URLS = ['url.full', 'http.url', 'http.target'];

/** Takes the query off the URL of a client span: it is where many services want a token. A hook of instrumentations. */
export function hideQuery(span: Span): void {
  const { attributes } = span as { readonly attributes?: Readonly<Record<string, unknown>> };
  for (const name of URLS) {
    const url = attributes?.[name];
    if (typeof url === 'string') span.setAttribute(name, url.replace(/\?.*$/s, ''));
  }
  if (attributes?.['url.query'] !== undefined) span.setAttribute('url.query', '');
}
