import { parseJson } from '../../../shared/text/json/parse-json.ts';
import { SERVICE } from '../../../shared/trace/semantics.ts';
import type { LogLine } from '../../input/log-store.ts';
import type { Fault } from '../report.ts';

const HOP = 'worker → logs';
/** Who must have logged something about a job. */
const WRITERS = [SERVICE.edge, SERVICE.worker];

/** The log lines of a job must carry its trace. */
export function examineLogs(lines: readonly LogLine[], traceId: string): Fault[] {
  const parsed = lines.map(({ line }) => parseJson(line) as Record<string, unknown> | undefined);
  return WRITERS.flatMap((service): Fault[] => {
    const own = parsed.filter((line) => line?.service === service);
    if (own.some((line) => line?.trace_id === traceId)) return [];
    if (own.length === 0) {
      const cause = `${service} logs nothing about jobs (LOG_LEVEL), its lines do not reach the log store, or they are not there as JSON`;
      return [{ hop: HOP, found: `the log store has no line of ${service} about the job`, cause }];
    }
    const found = `the lines of ${service} about the job do not carry its trace id`;
    return [
      {
        hop: HOP,
        found,
        cause: 'they carry another one, or what collects the logs drops the field `trace_id`',
      },
    ];
  });
}
