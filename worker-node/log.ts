import { isSpanContextValid, trace } from '@opentelemetry/api';
import { destination, type Logger, type LoggerOptions, pino } from 'pino';
import { printableJson } from '../shared/text/json.ts';
import { BatchedLines } from './batched-lines.ts';

/** The part of pino that the worker uses. A line is JSON with level, time, service, msg, trace_id and span_id. */
export type WorkerLogger = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

interface LogOptions {
  readonly isSync?: boolean;
  readonly copy?: (line: string) => void;
}

const nowhere = (): void => undefined;

/**
 * Makes a logger that writes to stdout, in the format of the edge's log. Each line has the ids of the active span.
 * @param options.isSync whether a line is written when the call returns; else it is written soon after
 * @param options.copy gets each line, in the context of the code that logs it
 */
export function createLogger(
  service: string,
  level: string,
  { isSync = false, copy = nowhere }: LogOptions = {},
): Logger {
  const options: LoggerOptions = {
    level,
    base: { service },
    timestamp: timeField,
    formatters: { level: (label) => ({ level: label }) },
    mixin: activeIds,
    // As at the edge, no field takes the place of the ids.
    mixinMergeStrategy: (fields, ids) => ({ ...fields, ...ids }),
    hooks: {
      streamWrite: (json) => {
        copy(json);
        return printableJson(json);
      },
    },
  };
  const output = destination({ fd: 1, sync: isSync });
  return pino(options, isSync ? output : new BatchedLines(output));
}

let lastMs = 0;
let lastField = '';

/** The time of a line. Many lines have the same millisecond. */
function timeField(): string {
  const now = Date.now();
  if (now !== lastMs) {
    lastMs = now;
    lastField = `,"time":"${new Date(now).toISOString()}"`;
  }
  return lastField;
}

function activeIds(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined || !isSpanContextValid(span)
    ? {}
    : { trace_id: span.traceId, span_id: span.spanId };
}
