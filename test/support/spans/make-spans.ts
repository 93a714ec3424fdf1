import { runFixture } from './fixture-process.ts';

/** What became of the spans that a process made. */
export interface MadeSpans {
  readonly counts: Readonly<Record<string, number>>;
  /** What was said about spans that were lost. */
  readonly said: readonly (Readonly<Record<string, number>> & { readonly cause: string })[];
  readonly warnings: readonly string[];
  readonly on: boolean;
}

/**
 * Makes spans in a process of its own, with the worker's tracing.
 * @param environment OpenTelemetry's variables
 * @param until the process stops when this is true; by default at once
 */
export async function makeSpans(
  environment: Readonly<Record<string, string>>,
  spans = 1,
  until: () => Promise<unknown> = async () => undefined,
): Promise<MadeSpans> {
  const { last } = await runFixture('make-spans.ts', { ...environment, SPANS: String(spans) }, until);
  return last as MadeSpans;
}

/** What became of the lines that a process logged. */
export interface MadeLogs {
  /** What it wrote on stdout. */
  readonly lines: readonly Record<string, unknown>[];
  readonly counts: Readonly<Record<string, number>>;
  readonly said: readonly Record<string, unknown>[];
  readonly warnings: readonly string[];
  /** Bytes of its heap at the end. */
  readonly heap: number;
}

/** Logs lines in a process of its own, with the worker's log and its export, see {@link makeSpans}. */
export async function makeLogs(
  environment: Readonly<Record<string, string>>,
  count = 1,
  until?: () => Promise<unknown>,
): Promise<MadeLogs> {
  const settings = { OTEL_LOGS_EXPORTER: 'otlp', OTEL_TRACES_EXPORTER: 'none', ...environment };
  const { lines, last } = await runFixture('make-logs.ts', { ...settings, LINES: String(count) }, until);
  return { ...(last as MadeLogs), lines };
}

/** What became of the metrics that a process sent. */
export type SentMetrics = Pick<MadeLogs, 'counts' | 'said' | 'warnings'>;

/** Sends a worker's metrics once, in a process of its own. */
export async function sendMetrics(environment: Readonly<Record<string, string>>): Promise<SentMetrics> {
  const { last } = await runFixture('send-metrics.ts', { OTEL_METRICS_EXPORTER: 'otlp', ...environment });
  return last as SentMetrics;
}
