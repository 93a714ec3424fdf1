import type { Context, TextMapGetter, TextMapPropagator, TextMapSetter } from '@opentelemetry/api';
import { inject, setCarrier, ThroughlinePropagator } from '../../shared/propagation/index.ts';

/** What an HTTP client's request says about its target: options of Node's http, or a request of undici. */
interface OutgoingRequest {
  readonly protocol?: string | null | undefined;
  readonly origin?: unknown;
  readonly host?: string | null | undefined;
  readonly hostname?: string | null | undefined;
  readonly port?: string | number | null | undefined;
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

  inject(context: Context, carrier: unknown, setter: TextMapSetter<unknown>): void {
    const request = this.#next;
    this.#next = undefined;
    const getsBaggage = request === undefined || this.#isTrusted(request);
    sendTrace(context, getsBaggage, (name, value) => setter.set(carrier, name, value));
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
