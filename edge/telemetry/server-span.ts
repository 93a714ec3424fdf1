import { type Context, context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { errorFrom } from '../../shared/error-table.ts';
import { ATTR, SERVICE } from '../../shared/trace/semantics.ts';
import { tracerOf } from '../../shared/trace/tracer.ts';
import { methodOf, requestAttributes } from './server-attributes.ts';

const tracer = tracerOf(SERVICE.edge);

/** An answer to a request, as its span shows it. */
interface Answer {
  readonly status: number;
  /** The route that matched, such as `/v1/jobs/:id`, if one did. */
  readonly route: string | undefined;
  /** What a route threw, if one did. */
  readonly error: unknown;
}

/**
 * Handles a request in its SERVER span. The span ends when the answer begins: the body of an event stream comes after that.
 * @param parent the context with the caller's span, if the trace continues
 * @param ended is called after the end of the span
 */
export async function inServerSpan(
  request: Request,
  parent: Context,
  handle: () => Response | Promise<Response>,
  ended: () => void,
): Promise<Response> {
  const options = { kind: SpanKind.SERVER, attributes: requestAttributes(request) };
  const span = tracer.startSpan(spanName(request), options, parent);
  try {
    return await context.with(trace.setSpan(parent, span), handle);
  } catch (thrown) {
    describeAnswer(span, request, { status: 500, route: undefined, error: thrown });
    throw thrown;
  } finally {
    span.end();
    ended();
  }
}

/**
 * Writes the answer of a request to its span. Only an answer of 500 or more is an error of the server (semantic conventions,
 * "HTTP server", "Status").
 */
export function describeAnswer(
  span: Span,
  request: Pick<Request, 'method'>,
  { status, route, error }: Answer,
): void {
  span.setAttribute(ATTR.httpStatus, status);
  if (route !== undefined) {
    span.setAttribute(ATTR.httpRoute, route);
    span.updateName(spanName(request, route));
  }
  if (status < 500) return;
  const known = error === undefined ? undefined : errorFrom(error);
  span.setAttribute(ATTR.errorType, known?.code ?? String(status));
  span.setStatus({ code: SpanStatusCode.ERROR });
  if (known?.code === 'internal') span.recordException(exceptionOf(known.cause ?? known));
}

/** The method and the route. A method that no convention knows is `HTTP` in names. */
function spanName(request: Pick<Request, 'method'>, route?: string): string {
  const method = methodOf(request);
  const word = method === '_OTHER' ? 'HTTP' : method;
  return route === undefined ? word : `${word} ${route}`;
}

function exceptionOf(thrown: unknown): Error | string {
  return thrown instanceof Error ? thrown : String(thrown);
}
