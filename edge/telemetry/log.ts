import { type Context, context, trace } from '@opentelemetry/api';
import { describeCause, statusOf } from '../../shared/error-table.ts';
import type { ThroughlineError } from '../../shared/errors.ts';
import { isoTime } from '../../shared/text/iso-time.ts';
import { printableJson } from '../../shared/text/json/printable-json.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import { serviceOf } from './service.ts';

const LEVELS = { debug: 20, info: 30, warn: 40, error: 50 } as const;
export type LogLevel = keyof typeof LEVELS;
type Fields = Readonly<Record<string, unknown>>;
/** @param from the context of the line; by default the active one */
type Write = (message: string, fields?: Fields, from?: Context) => void;

/**
 * Writes one JSON object per line, with the same fields as the worker's log: level, time, service, msg, trace_id,
 * span_id.
 */
export type Logger = Readonly<Record<LogLevel, Write>>;

/**
 * Makes a logger that adds `trace_id` and `span_id` of the active span to each line. JSON and {@link printableJson}
 * escape line breaks and escape sequences in a value. A value therefore cannot forge a line or control a terminal.
 * @param level lines below this level are dropped
 * @param write writes a finished line; by default to workerd's console
 */
export function createLogger(level: LogLevel, write: (line: string) => void = writeToConsole): Logger {
  const at = (lineLevel: LogLevel): Write =>
    LEVELS[lineLevel] < LEVELS[level]
      ? () => undefined
      : (message, fields, from) => write(line(lineLevel, message, fields ?? {}, from ?? context.active()));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Logs why a request failed, if that is not the caller's fault: an internal error, or one with a cause on our side. */
export function logFailure(log: Pick<Logger, 'error'>, error: ThroughlineError): void {
  const { code, cause } = error;
  if (code === 'internal' || (cause !== undefined && statusOf(error) >= 500))
    log.error('a request failed', { reason: describeCause(error) });
}

function line(level: LogLevel, msg: string, fields: Fields, from: Context): string {
  const span = trace.getSpanContext(from);
  const ids = { trace_id: span?.traceId, span_id: span?.spanId };
  const text = JSON.stringify({
    level,
    time: isoTime(Date.now()),
    service: serviceOf(from) ?? SERVICE.edge,
    msg,
    ...fields,
    // A spread too: V8 makes a call for each single field that stands after one.
    ...ids,
  });
  return printableJson(text);
}

function writeToConsole(text: string): void {
  // biome-ignore lint/suspicious/noConsole: workerd has no other way to write a log line
  console.log(text);
}
