import { format, inspect } from 'node:util';
import { context } from '@opentelemetry/api';
import { shortened } from '../../shared/text/shortened.ts';
import type { WorkerLogger } from '../log.ts';
import { activeJob, type JobFields } from '../telemetry/job-context.ts';
import { isError, jsonStart } from './describe-value.ts';
import { reportOf } from './thrown.ts';

/** A line must not be larger than what log collectors take. */
const MAX_TEXT = 16_000;

/**
 * The log that an operation gets. Its lines say which job they belong to. The author's own fields stand under `data`, so
 * that none of them replaces one of ours. A line never throws, whatever it is given.
 *
 * Call it in the context of the job's code. A line that other code writes, such as a callback of a queue, has the ids of this
 * context: those of the code that calls it may be of another job.
 */
export function authorLog(log: WorkerLogger, job: JobFields): WorkerLogger {
  const attempt = context.active();
  const fields = activeJob();
  const writer =
    (level: keyof WorkerLogger) =>
    (...given: unknown[]): void => {
      try {
        const { data, message } = lineOf(given);
        const write = (): void => log[level](data === undefined ? job : { ...job, data }, message);
        if (activeJob() === fields) write();
        else context.with(attempt, write);
      } catch (thrown) {
        log.warn(
          { ...job, reason: reportOf(thrown).summary },
          'a log line of the operation cannot be written',
        );
      }
    };
  return { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') };
}

/** Reads the arguments as pino does: fields, a message, and values for its placeholders. Each may be left out. */
function lineOf([first, ...rest]: unknown[]): { data: unknown; message: string } {
  if (isError(first))
    return { data: { error: reportOf(first).text }, message: textOf(rest) || reportOf(first).summary };
  if (typeof first !== 'object' || first === null)
    return { data: undefined, message: textOf([first, ...rest]) };
  return { data: plain(first), message: textOf(rest) };
}

function textOf(values: readonly unknown[]): string {
  if (values.length === 0) return '';
  const [message] = values;
  const readsAll = typeof message === 'string' && READS_ALL.test(message);
  return format(...(readsAll ? values.map(startOf) : values)).slice(0, MAX_TEXT);
}

/** Placeholders for which Node makes a text of all of a value. */
const READS_ALL = /%[dfij]/;

/** The beginning of a value, which may be large; the value itself if it is no JSON. */
function startOf(value: unknown): unknown {
  const json = typeof value === 'object' && value !== null ? jsonOf(value) : undefined;
  return json === undefined ? value : JSON.parse(json);
}

/** The author's fields as JSON has them. It is a text if they are no JSON, or too large for a line. */
function plain(fields: object): unknown {
  const json = jsonOf(fields);
  if (json === undefined) return inspect(fields, { customInspect: false }).slice(0, MAX_TEXT);
  return json.length <= MAX_TEXT ? JSON.parse(json) : shortened(json, MAX_TEXT);
}

function jsonOf(fields: object): string | undefined {
  try {
    return jsonStart(fields, MAX_TEXT, standIn);
  } catch {
    // A circle, or a getter that throws.
    return undefined;
  }
}

function standIn(value: unknown): unknown {
  if (isError(value)) return reportOf(value).text;
  if (typeof value === 'bigint') return String(value);
  return value instanceof Map || value instanceof Set ? [...value] : value;
}
