import { type LogAttributes, type LogRecord, SeverityNumber } from '@opentelemetry/api-logs';

/** OpenTelemetry's numbers for the levels of a line. */
const SEVERITIES: Readonly<Record<string, SeverityNumber>> = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
};

/** The class of an error, as the first word of a stack. */
const CLASS = /^[A-Za-z_$][\w$.]*(?=:|\n|$)/;

/**
 * Makes an OpenTelemetry record of a line of the worker's log. What a record has a place for goes there: the level, the time, the
 * message, and the ids of the span, which the SDK takes from the context. The resource has the service. The stack of an error gets
 * the names of the conventions (`exception.type`, `exception.message`, `exception.stacktrace`). All other fields are attributes.
 * @param line JSON, as pino writes it
 */
export function logRecordOf(line: string): LogRecord {
  const fields = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const { level, time, service, msg, trace_id, span_id, stack, ...rest } = fields;
  return {
    timestamp: Date.parse(String(time)),
    severityText: String(level),
    severityNumber: SEVERITIES[String(level)] ?? SeverityNumber.UNSPECIFIED,
    body: String(msg),
    attributes: { ...(rest as LogAttributes), ...exceptionOf(stack, rest.reason) },
  };
}

function exceptionOf(stack: unknown, reason: unknown): LogAttributes {
  if (typeof stack !== 'string') return {};
  const [type] = CLASS.exec(stack) ?? [];
  return {
    ...(type === undefined ? {} : { 'exception.type': type }),
    ...(typeof reason === 'string' ? { 'exception.message': reason } : {}),
    'exception.stacktrace': stack,
  };
}
