import { trace } from '@opentelemetry/api';
import { type Logger, pino } from 'pino';
import { printableJson } from '../shared/text/json.ts';

/** What is used of pino: lines are JSON with level, time, service, msg, trace_id and span_id. */
export type WorkerLogger = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** A logger whose lines carry the ids of the active span by themselves; to stdout, in the edge's format. */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    mixin: activeIds,
    hooks: { streamWrite: printableJson },
  });
}

function activeIds(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}
