/**
 * Stands for the old names of OpenTelemetry's attributes, of which the instrumentation reads three. wrangler.toml puts this
 * module in its place: a bundler cannot leave out the rest, because it is one object.
 */
export const SemanticAttributes = {
  EXCEPTION_TYPE: 'exception.type',
  EXCEPTION_MESSAGE: 'exception.message',
  EXCEPTION_STACKTRACE: 'exception.stacktrace',
} as const;
