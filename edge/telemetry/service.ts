import { type Context, createContextKey } from '@opentelemetry/api';

const SERVICE_NAME = createContextKey('throughline service name');

/**
 * Marks spans and log lines that start inside `context` as those of `service`. The edge and its Durable Objects can
 * share an isolate, and then they share a tracer provider, which knows only one service.
 */
export function withService(context: Context, service: string): Context {
  return context.setValue(SERVICE_NAME, service);
}

/** Returns the service that {@link withService} set, if any. */
export function serviceOf(context: Context): string | undefined {
  const service = context.getValue(SERVICE_NAME);
  return typeof service === 'string' ? service : undefined;
}
