import * as z from 'zod';
import { NoAnswerError } from '../../client/errors.ts';
import type { Job } from '../../shared/job/job.ts';
import { parseJson } from '../../shared/text/json/parse-json.ts';
import { CliError } from '../cli-error.ts';
import { ask } from '../http/request.ts';

const TIMEOUT_MS = 10_000;
/** Lines may be a little earlier or later than the events of the job: clocks differ. */
const MARGIN_MS = 60_000;

/** Answers of a store that has lines, and does not give them now or to us. */
const UNREACHABLE: readonly (readonly [statuses: RegExp, what: string, hint: string | undefined])[] = [
  [/^40[13]$/, 'wants other credentials', 'set THROUGHLINE_LOGS_HEADERS'],
  [/^(?:429|5..)$/, 'failed', undefined],
];

/** Where the log lines are. */
interface LogStore {
  /**
   * The address, in which `{jobId}`, `{traceId}`, `{start}` and `{end}` stand for the job and for the time to search, in
   * nanoseconds.
   */
  readonly template: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A log line of a job. */
export interface LogLine {
  /** RFC 3339. */
  readonly time: string;
  readonly line: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The answer of Loki's `query_range`: https://grafana.com/docs/loki/latest/reference/loki-http-api/ */
const Streams = z.object({
  data: z.object({
    result: z.array(
      z.object({
        stream: z.record(z.string(), z.string()),
        // Nanoseconds and the line; a third part holds labels of the line alone.
        values: z.array(z.tuple([z.string().regex(/^[0-9]{1,19}$/), z.string()]).rest(z.unknown())),
      }),
    ),
  }),
});

/**
 * Reads the log lines of a job, the oldest first.
 * @throws CliError `logs-unreachable`, `answer-invalid`
 */
export async function readLogs(
  { template, headers: own }: LogStore,
  job: Job,
  signal: AbortSignal,
): Promise<LogLine[]> {
  const url = addressOf(template, job);
  const headers = { accept: 'application/json', ...own };
  const answer = await ask({ url, headers, timeoutMs: TIMEOUT_MS, signal, who: 'the log store' }).catch(
    (thrown: unknown) => {
      if (!(thrown instanceof NoAnswerError)) throw thrown;
      const hint = 'set --logs-url or THROUGHLINE_LOGS_URL';
      throw new CliError('logs-unreachable', thrown.message, { cause: thrown.cause, hint });
    },
  );
  const why = UNREACHABLE.find(([statuses]) => statuses.test(String(answer.status)));
  if (why !== undefined) {
    const [, what, hint] = why;
    throw new CliError('logs-unreachable', `the log store ${what} (HTTP status ${answer.status})`, { hint });
  }
  const streams = answer.status === 200 ? Streams.safeParse(parseJson(answer.text)).data : undefined;
  if (streams === undefined) {
    const message = `the log store answered (HTTP status ${answer.status}) with something that is not of Loki's query_range`;
    throw new CliError('answer-invalid', message, { hint: 'is --logs-url or THROUGHLINE_LOGS_URL right?' });
  }
  return streams.data.result
    .flatMap(({ stream, values }) =>
      values.map(([nanos, line]) => ({ nanos: BigInt(nanos), line, labels: stream })),
    )
    .sort((a, b) => (a.nanos < b.nanos ? -1 : Number(a.nanos > b.nanos)))
    .map(({ nanos, line, labels }) => ({ time: timeOf(nanos), line, labels }));
}

/** The most lines that the store gives, by its address. Loki gives 100 if that does not say how many. */
export function mostLines(template: string): number {
  return Number(URL.parse(template)?.searchParams.get('limit') ?? 100);
}

function addressOf(template: string, { id, traceId, acceptedAt, finishedAt }: Job): string {
  const end = finishedAt === undefined ? Date.now() : Date.parse(finishedAt) + MARGIN_MS;
  const values: Readonly<Record<string, string>> = {
    jobId: id,
    traceId,
    start: nanosOf(Date.parse(acceptedAt) - MARGIN_MS),
    end: nanosOf(end),
  };
  return template.replaceAll(/\{(jobId|traceId|start|end)\}/g, (_, name: string) =>
    encodeURIComponent(values[name] ?? ''),
  );
}

const nanosOf = (ms: number): string => `${ms}000000`;
const timeOf = (nanos: bigint): string => new Date(Number(nanos / 1_000_000n)).toISOString();
