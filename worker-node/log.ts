import { context, isSpanContextValid, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { type Logger, type LoggerOptions, pino } from 'pino';
import { printableJson } from '../shared/text/json/printable-json.ts';
import { BatchedLines } from './output/batched-lines.ts';
import { LineOutput, writeNow } from './output/line-output.ts';

/** The part of pino that the worker uses. A line is JSON with level, time, service, msg, trace_id and span_id. */
export type WorkerLogger = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

interface LogOptions {
  readonly isSync?: boolean;
  readonly copy?: (line: string) => void;
  readonly output?: LineOutput;
}

const nowhere = (): void => undefined;

/**
 * Makes a logger that writes to stdout, in the format of the edge's log. Each line has the ids of the active span.
 * @param options.isSync whether a line is written when the call returns; else it is written soon after
 * @param options.copy gets each line, in the context of the code that logs it
 * @param options.output writes the lines that are not written at once; it knows which were lost
 */
export function createLogger(
  service: string,
  level: string,
  { isSync = false, copy = nowhere, output = new LineOutput() }: LogOptions = {},
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
  if (isSync) return pino(options, { write: (line) => writeNow(Buffer.from(line)) });
  output.onLost((lines, reason) =>
    // The line is about no job, although the line of some job may have been written last.
    context.with(ROOT_CONTEXT, () => log.warn({ lines, reason }, 'log lines were lost')),
  );
  const log = pino(options, new BatchedLines(output));
  return log;
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
