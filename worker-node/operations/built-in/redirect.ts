import { ThroughlineError } from '../../../shared/errors.ts';
import { parseTarget } from '../targets/target-url.ts';
import type { HttpRequest } from './http-exchange.ts';

/** Statuses that lead to another URL. 300 offers a choice, 304 is no redirect, and 305 is a proxy. */
const REDIRECTS = [301, 302, 303, 307, 308];
/** The headers of a job that go along to another origin. Any other may be a secret for the first one. */
const HARMLESS = ['accept', 'accept-charset', 'accept-encoding', 'accept-language', 'user-agent'];
/** Headers about the body (Fetch Standard, "request-body-header name"). */
const OF_BODY = ['content-type', 'content-encoding', 'content-language', 'content-location'];

/** Whether an answer with this status leads to another URL. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.includes(status);
}

/**
 * Returns the request that follows a redirect (RFC 9110, section 15.4). After a 303, and after a 301 or 302 to a POST, it
 * is a GET without a body; a HEAD stays a HEAD. To another scheme, host or port, only harmless headers go along, and those
 * about a body that goes along.
 * @param location the header: a URL, also one that is relative to that of the request
 * @throws ThroughlineError `operation-rejected` if that is no URL, or leads from https to http
 */
export function requestAfter(request: HttpRequest, status: number, location: string): HttpRequest {
  const url = urlAfter(request.url, location);
  const { method, body } = request;
  const keepsMethod = status === 303 ? method === 'HEAD' : status > 303 || method !== 'POST';
  const isSameOrigin = url.origin === request.url.origin;
  const goesAlong = (name: string): boolean => {
    if (OF_BODY.includes(name)) return keepsMethod;
    return isSameOrigin || HARMLESS.includes(name);
  };
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => goesAlong(name.toLowerCase())),
  );
  return keepsMethod ? { url, method, headers, body } : { url, method: 'GET', headers };
}

function urlAfter(url: URL, location: string): URL {
  const next = parseTarget(withoutBytes(location), url);
  if (next === null) throw rejected('the redirect leads to something that is not a URL');
  if (url.protocol === 'https:' && next.protocol === 'http:')
    throw rejected('the redirect leads from https to http');
  return next;
}

/** Writes each byte beyond ASCII as `%…`, in whatever charset the server meant it. Node makes one character of a byte. */
function withoutBytes(location: string): string {
  return location.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}

function rejected(message: string): ThroughlineError {
  return new ThroughlineError('operation-rejected', message);
}
