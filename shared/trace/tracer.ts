import { type Tracer, trace } from '@opentelemetry/api';
import { VERSION } from '../version.ts';

/** The version of OpenTelemetry's semantic conventions that names and attributes of spans follow, as a schema URL. */
export const SCHEMA_URL = 'https://opentelemetry.io/schemas/1.44.0';

/**
 * The tracer of one part of Throughline. Its spans carry the part's name, our version and the version of the conventions as
 * their scope.
 * @param scope the name of the part, such as `throughline-bridge`
 */
export function tracerOf(scope: string): Tracer {
  // `trace.getTracer` itself leaves the schema URL out.
  return trace.getTracerProvider().getTracer(scope, VERSION, { schemaUrl: SCHEMA_URL });
}
