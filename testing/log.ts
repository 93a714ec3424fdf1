import { trace } from '@opentelemetry/api';
import type { WorkerLogger } from '../worker-node/log.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** A line of the worker's log. */
export interface LogLine {
  readonly level: (typeof LEVELS)[number];
  readonly msg: string;
  /** The fields that the operation gave. */
  readonly data?: unknown;
  readonly job_id: string;
  readonly operation: string;
  readonly tenant: string;
  readonly attempt: number;
  readonly trace_id?: string;
  readonly span_id?: string;
  /** Of a line of the worker about the operation: what was wrong. */
  readonly reason?: string;
}

/** A logger that keeps its lines. */
export function keptLog(lines: LogLine[]): WorkerLogger {
  const writer =
    (level: LogLine['level']) =>
    (fields: object, msg: string): void => {
      const { traceId: trace_id = '', spanId: span_id = '' } = trace.getActiveSpan()?.spanContext() ?? {};
      lines.push({ level, msg, ...fields, trace_id, span_id } as LogLine);
    };
  return Object.fromEntries(LEVELS.map((level) => [level, writer(level)])) as unknown as WorkerLogger;
}
