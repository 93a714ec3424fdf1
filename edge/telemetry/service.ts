import { type Context, createContextKey } from '@opentelemetry/api';

const SERVICE_NAME = createContextKey('throughline service name');

/**
 * Marks everything that starts inside `context` as the work of `service`. The edge and its Durable Objects may
 * share an isolate, and with it the one tracer provider, whose resource names only one service.
 */
export function withService(context: Context, service: string): Context {
  return context.setValue(SERVICE_NAME, service);
}

/** The service that {@link withService} named, if any. */
export function serviceOf(context: Context): string | undefined {
  const service = context.getValue(SERVICE_NAME);
  return typeof service === 'string' ? service : undefined;
}
