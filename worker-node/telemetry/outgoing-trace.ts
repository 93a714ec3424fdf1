import type { Context, TextMapGetter, TextMapPropagator, TextMapSetter } from '@opentelemetry/api';
import { inject, setCarrier, ThroughlinePropagator } from '../../shared/propagation/index.ts';

/** What an HTTP client's request says about its target: options of Node's http, or a request of undici. */
interface OutgoingRequest {
  readonly protocol?: string | null | undefined;
  readonly origin?: unknown;
  readonly host?: string | null | undefined;
  readonly hostname?: string | null | undefined;
  readonly port?: string | number | null | undefined;
  /** Of undici: names and values in turns. Of Node's http also an object. */
  headers?: unknown;
}

/**
 * The propagator of a worker. Every request of an instrumented HTTP client carries `traceparent`; `tracestate` and `baggage`
 * only go to the origins that the operator trusts with them. A carrier that is no such request gets all three: the author
 * of an operation fills it.
 *
 * The instrumentations call a hook with the request, start a span, and inject, in one turn. The hook cannot pass anything
 * on, so the propagator remembers the request from {@link beforeRequest} to the next `inject`.
 */
export class OutgoingTrace implements TextMapPropagator<unknown> {
  readonly #all = new ThroughlinePropagator();
  readonly #getsBaggage: (url: URL) => boolean;
  #next: OutgoingRequest | undefined;

  /** @param getsBaggage whether requests to a URL carry `tracestate` and `baggage` too */
  constructor(getsBaggage: (url: URL) => boolean) {
    this.#getsBaggage = getsBaggage;
  }

  /** The hook of the instrumentations: the next `inject` is for this request. */
  readonly beforeRequest = (request: OutgoingRequest): Record<string, never> => {
    this.#next = request;
    return {};
  };

  /** The same for Node's http. Its instrumentation copies the headers as an object, and a list would become headers named 0, 1 and 2. */
  readonly beforeNodeRequest = (request: OutgoingRequest): Record<string, never> => {
    const attributes = this.beforeRequest(request);
    if (Array.isArray(request.headers)) request.headers = headersIn(request.headers);
    return attributes;
  };

  inject(context: Context, carrier: unknown, setter: TextMapSetter<unknown>): void {
    const request = this.#next;
    this.#next = undefined;
    const getsBaggage = request === undefined || this.#isTrusted(request);
    sendTrace(context, getsBaggage, (name, value) => {
      // undici's instrumentation adds its headers to those of an author, and with two `traceparent` a trace ends.
      if (Array.isArray(request?.headers)) removeHeader(request.headers, name);
      setter.set(carrier, name, value);
    });
  }

  extract(context: Context, carrier: unknown, getter: TextMapGetter<unknown>): Context {
    return this.#all.extract(context, carrier, getter);
  }

  fields(): string[] {
    return this.#all.fields();
  }

  #isTrusted(request: OutgoingRequest): boolean {
    const url = targetOf(request);
    return url !== null && this.#getsBaggage(url);
  }
}

/**
 * Writes the trace context into a request.
 * @param getsBaggage whether the target gets `tracestate` and `baggage`. Any target gets `traceparent`
 */
export function sendTrace(
  context: Context,
  getsBaggage: boolean,
  set: (name: string, value: string) => void,
): void {
  const { traceparent, ...others } = inject(context);
  setCarrier({ ...(traceparent && { traceparent }), ...(getsBaggage ? others : {}) }, set);
}

/** The target of a request; null if it is not known. */
function targetOf({ origin, protocol, hostname, host, port }: OutgoingRequest): URL | null {
  if (origin !== undefined && origin !== null) return URL.parse(String(origin));
  // `host` may hold a port, and either may be an IPv6 address without brackets.
  const name = hostname || host?.replace(/^([^:]*|\[.*\]):[0-9]*$/, '$1');
  if (!name) return null;
  const authority = name.includes(':') && !name.startsWith('[') ? `[${name}]` : name;
  return URL.parse(`${protocol ?? 'http:'}//${authority}${port ? `:${port}` : ''}`);
}

/** Removes a header from a list of names and values in turns. */
function removeHeader(list: unknown[], name: string): void {
  for (let at = list.length - 2; at >= 0; at -= 2)
    if (String(list[at]).toLowerCase() === name) list.splice(at, 2);
}

/**
 * The headers in a list that Node's http takes: names and values in turns, or pairs of them. A name may come more than once, and have
 * a list of values.
 */
function headersIn(list: readonly unknown[]): Record<string, unknown> {
  // As in Node, the first entry tells.
  const hasPairs = Array.isArray(list[0]);
  const names = new Map<string, string>();
  const headers: Record<string, unknown> = {};
  for (let at = 0; at < list.length; at += hasPairs ? 1 : 2) {
    const [given, value] = hasPairs ? (list[at] as readonly unknown[]) : list.slice(at, at + 2);
    const lower = String(given).toLowerCase();
    const name = names.get(lower) ?? String(given);
    headers[name] = names.has(lower) ? [headers[name], value].flat() : value;
    names.set(lower, name);
  }
  return headers;
}
