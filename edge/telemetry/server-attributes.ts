import type { Attributes } from '@opentelemetry/api';
import { ATTR } from '../../shared/trace/semantics.ts';
import { serverAttributes } from '../../shared/trace/server-address.ts';

/** The methods that the conventions know. Any other method of a caller is `_OTHER`, so that there are few values. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'];

/** The part of `request.cf` that is read. workerd alone sets it too. */
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
  const { url, headers } = request;
  const method = methodOf(request);
  const pathAt = url.indexOf('/', url.indexOf('//') + 2);
  const attributes: Attributes = {
    'http.request.method': method,
    'url.path': url.slice(pathAt).split(/[?#]/, 1)[0],
    ...originAttributes(url.slice(0, pathAt)),
  };
  const add = (name: string, value: string | number | null | undefined): void => {
    if (value !== null && value !== undefined && value !== '') attributes[name] = value;
  };
  if (method === '_OTHER') add('http.request.method_original', request.method);
  add('network.protocol.version', protocolVersion(request));
  add('http.request.body.size', sizeOf(headers.get('content-length')));
  add('user_agent.original', headers.get('user-agent'));
  add('faas.invocation_id', headers.get('cf-ray'));
  return attributes;
}

/** The attributes of the last origin. Nearly all requests have the same one. */
let last: { readonly origin: string; readonly attributes: Attributes } | undefined;

function originAttributes(origin: string): Attributes {
  if (last?.origin !== origin) {
    const [scheme, host] = origin.split('://');
    const url = URL.parse(origin);
    // A caller may write any number in its Host header.
    const server = url === null ? { [ATTR.serverAddress]: host } : serverAttributes(url);
    last = { origin, attributes: { 'url.scheme': scheme, ...server } };
  }
  return last.attributes;
}

function protocolVersion({ cf }: Request): string | undefined {
  const { httpProtocol } = (cf ?? {}) as RequestProperties;
  return typeof httpProtocol === 'string' ? /^HTTP\/(\d(?:\.\d)?)$/.exec(httpProtocol)?.[1] : undefined;
}

function sizeOf(contentLength: string | null): number | undefined {
  return contentLength !== null && /^\d{1,15}$/.test(contentLength) ? Number(contentLength) : undefined;
}
