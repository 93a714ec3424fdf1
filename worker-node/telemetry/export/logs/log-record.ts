import { type LogAttributes, type LogRecord, SeverityNumber } from '@opentelemetry/api-logs';
import { isDeeperThan } from '../../../../shared/text/json/json-depth.ts';

/** OpenTelemetry's numbers for the levels of a line. */
const SEVERITIES: Readonly<Record<string, SeverityNumber>> = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
};

/**
 * How deep a line may be nested. The SDK overflows the stack at a deeper one, and a batch is lost with all its records; decoders
 * of protobuf refuse one with a hundred messages inside each other.
 */
const MAX_DEPTH = 20;

/** What a line has that holds an integer beyond 64 bits, or half a character. Other lines may have it too. */
const UNREADABLE = /[0-9]{16}|[0-9]e\+[0-9]|\\ud[89a-f]/i;

/** The class of an error, as the first word of a stack. */
const CLASS = /^[A-Za-z_$][\w$.]*(?=:|\n|$)/;

/**
 * Makes an OpenTelemetry record of a line of the worker's log. What a record has a place for goes there: the level, the time, the
 * message, and the ids of the span, which the SDK takes from the context. The resource has the service. The stack of an error gets
 * the names of the conventions (`exception.type`, `exception.message`, `exception.stacktrace`). All other fields are attributes; in a
 * line that is nested too deep, lists and objects are JSON texts.
 * @param line JSON, as pino writes it
 */
export function logRecordOf(line: string): LogRecord {
  const fields = fieldsOf(line);
  const { level, time, service, msg, trace_id, span_id, stack, ...rest } = fields;
  return {
    timestamp: Date.parse(String(time)),
    severityText: String(level),
    severityNumber: SEVERITIES[String(level)] ?? SeverityNumber.UNSPECIFIED,
    body: String(msg),
    attributes: { ...attributesOf(rest, line), ...exceptionOf(stack, rest.reason) },
  };
}

/**
 * The fields of a line. A collector refuses a whole batch for an integer beyond 64 bits, which the SDK writes as one, and some do
 * for half a character.
 */
function fieldsOf(line: string): Readonly<Record<string, unknown>> {
  return UNREADABLE.test(line) ? JSON.parse(line, readable) : JSON.parse(line);
}

function readable(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? String(value) : value;
}

function attributesOf(fields: Readonly<Record<string, unknown>>, line: string): LogAttributes {
  if (!isDeeperThan(line, MAX_DEPTH)) return fields as LogAttributes;
  const texts = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'object' ? JSON.stringify(value) : value,
  ]);
  return Object.fromEntries(texts) as LogAttributes;
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
