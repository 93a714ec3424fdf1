import { DiagConsoleLogger, type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import { describeThrown } from '../../../shared/errors.ts';
import { OTEL_SETTING_NAMES, OTLP_HEADER_NAMES } from '../../../shared/trace/settings/otel-settings.ts';
import type { Environment } from './exporter-config.ts';
import { LOG_HEADERS_NAME, logVariables } from './log-settings.ts';
import type { AllLosses } from './losses.ts';

/** What the library logs when a collector took a batch without some of it. */
const PARTIAL = 'Received Partial Success response:';
/** The settings that we have read ourselves, and warned about. */
const READ = [...OTEL_SETTING_NAMES, ...Object.keys(logVariables)];
/** A program that has set up OpenTelemetry by itself keeps what it has. */
const ALREADY = 'Attempted duplicate registration of API';
/** Variables whose values may hold a secret. */
const SECRET_VARIABLES = [
  ...['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'],
  ...['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT'],
  ...OTLP_HEADER_NAMES,
  LOG_HEADERS_NAME,
];

/**
 * Passes on the warnings and errors of OpenTelemetry's start. It leaves out those about the settings that we have read
 * ourselves: they are warned about already, and these texts show values.
 * @param level the value of `OTEL_LOG_LEVEL`; with one, the SDK sets a logger of its own
 */
export function followStart(
  level: string | undefined,
  environment: Environment,
  warn: (sentence: string) => void,
): void {
  if (level) return;
  const secrets = SECRET_VARIABLES.flatMap((name) => environment[name] || []);
  const say = (message: string): void => {
    if (![...READ, ALREADY, ...secrets].some((text) => message.includes(text))) warn(message);
  };
  const logger = { ...SILENT, warn: say, error: say };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

/** From here on, the library's log is only for what it says about exports, unless `OTEL_LOG_LEVEL` asks for it. */
export function followExports(losses: AllLosses, level: string | undefined): void {
  const logLevel = DiagLogLevel[(level?.toUpperCase() ?? '') as keyof typeof DiagLogLevel];
  const hasConsole = logLevel !== undefined && logLevel >= DiagLogLevel.WARN;
  const next: DiagLogger = hasConsole ? new DiagConsoleLogger() : SILENT;
  const warn = (message: string, ...more: unknown[]): void => {
    if (message === PARTIAL) countPartial(losses, String(more[0]));
    next.warn(message, ...more);
  };
  const logger: DiagLogger = {
    warn,
    error: next.error.bind(next),
    info: next.info.bind(next),
    debug: next.debug.bind(next),
    verbose: next.verbose.bind(next),
  };
  diag.setLogger(logger, {
    logLevel: hasConsole ? logLevel : DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
}

const nothing = (): void => undefined;
const SILENT: DiagLogger = { error: nothing, warn: nothing, info: nothing, debug: nothing, verbose: nothing };

/** A 64-bit number is a text in OTLP's JSON. */
type Count = number | string;

/**
 * Counts what the library only logs: what a collector did not take from a batch. An answer that rejects nothing is only a warning
 * of the collector.
 */
function countPartial(losses: AllLosses, partial: string): void {
  const { rejectedSpans, rejectedLogRecords, rejectedDataPoints, errorMessage } = JSON.parse(partial) as {
    readonly rejectedSpans?: Count;
    readonly rejectedLogRecords?: Count;
    readonly rejectedDataPoints?: Count;
    readonly errorMessage?: string;
  };
  const why = describeThrown(errorMessage ?? 'it does not say why');
  losses.spans.add('rejected', wholeOf(rejectedSpans), `the collector rejected spans: ${why}`);
  losses.logs.add('rejected', wholeOf(rejectedLogRecords), `the collector rejected log records: ${why}`);
  losses.metrics.add('rejected', wholeOf(rejectedDataPoints), `the collector rejected data points: ${why}`);
}

/** A count that cannot be one is 0: a counter that has added it would be wrong for ever. */
function wholeOf(count: Count | undefined): number {
  const number = Number(count ?? 0);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}
