import type { Attributes } from '@opentelemetry/api';
import { serverAttributes } from '../../shared/trace/server-address.ts';

/** The methods that the conventions know. Any other method of a caller is `_OTHER`, so that there are few values. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'];

/** What Cloudflare says about a request. workerd itself says it too. */
interface RequestProperties {
  /** `HTTP/1.1` or `HTTP/2`. */
  readonly httpProtocol?: unknown;
}

/** The method of a request, as spans and metrics name it: `GET`, or `_OTHER` for one that no convention knows. */
export function methodOf({ method }: Pick<Request, 'method'>): string {
  return METHODS.includes(method) ? method : '_OTHER';
}

/**
 * The attributes of a SERVER span that are known when the request arrives (semantic conventions, "HTTP server"). The query is
 * not among them, because callers put secrets there by mistake.
 */
export function requestAttributes(request: Request): Attributes {
  const url = new URL(request.url);
  const method = methodOf(request);
  return {
    'http.request.method': method,
    ...(method === '_OTHER' ? { 'http.request.method_original': request.method } : {}),
    'url.scheme': url.protocol.slice(0, -1),
    'url.path': url.pathname,
    ...serverAttributes(url),
    ...some('network.protocol.version', protocolVersion(request)),
    ...some('http.request.body.size', sizeOf(request.headers.get('content-length'))),
    ...some('user_agent.original', request.headers.get('user-agent') ?? undefined),
    ...some('faas.invocation_id', request.headers.get('cf-ray') ?? undefined),
  };
}

function some(name: string, value: string | number | undefined): Attributes {
  return value === undefined || value === '' ? {} : { [name]: value };
}

function protocolVersion({ cf }: Request): string | undefined {
  const { httpProtocol } = (cf ?? {}) as RequestProperties;
  return typeof httpProtocol === 'string' ? /^HTTP\/(\d(?:\.\d)?)$/.exec(httpProtocol)?.[1] : undefined;
}

function sizeOf(contentLength: string | null): number | undefined {
  return contentLength !== null && /^\d{1,15}$/.test(contentLength) ? Number(contentLength) : undefined;
}
