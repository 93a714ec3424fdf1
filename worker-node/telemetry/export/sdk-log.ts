import { DiagConsoleLogger, type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import { OTEL_SETTING_NAMES, OTLP_HEADER_NAMES } from '../../../shared/trace/settings/otel-settings.ts';
import type { Environment } from './exporter-config.ts';
import { LOG_HEADERS_NAME, logVariables } from './logs/log-settings.ts';

/** The settings that we have read ourselves, and warned about. */
const READ = [...OTEL_SETTING_NAMES, ...Object.keys(logVariables)];
/** Sentences of the library that name no setting, each with the end of the names of the settings that it is about. */
const FILE_SETTINGS: Readonly<Record<string, string>> = {
  'Failed to read root certificate file': 'CERTIFICATE',
  'Failed to read client certificate chain file': 'CLIENT_CERTIFICATE',
  'Failed to read client certificate private key file': 'CLIENT_KEY',
};
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
 * @param level the value of `OTEL_LOG_LEVEL`; with one, the library logs to the console
 */
export function followStart(
  level: string | undefined,
  environment: Environment,
  warn: (sentence: string) => void,
): void {
  if (level !== undefined) {
    diag.setLogger(new DiagConsoleLogger(), levelOf(level));
    return;
  }
  const secrets = SECRET_VARIABLES.flatMap((name) => environment[name] || []);
  const say = (message: string): void => {
    if (![...READ, ALREADY, ...secrets].some((text) => message.includes(text)))
      warn(namingFile(message, environment));
  };
  const logger = { ...SILENT, warn: say, error: say };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

/** From here on, the library logs nothing, unless `OTEL_LOG_LEVEL` asks for it. */
export function followExports(level: string | undefined): void {
  const logLevel = levelOf(level);
  const hasConsole = logLevel !== undefined && logLevel >= DiagLogLevel.WARN;
  diag.setLogger(hasConsole ? new DiagConsoleLogger() : SILENT, {
    logLevel: hasConsole ? logLevel : DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
}

/** Names the settings with a file that cannot be read, in place of the library's sentence about it. */
function namingFile(message: string, environment: Environment): string {
  const end = FILE_SETTINGS[message];
  if (end === undefined) return message;
  const names = ['', 'TRACES_', 'METRICS_', 'LOGS_'].map((signal) => `OTEL_EXPORTER_OTLP_${signal}${end}`);
  const given = names.filter((name) => environment[name]);
  return `${given.join(' or ')}: the file cannot be read, so it is not used`;
}

function levelOf(level: string | undefined): DiagLogLevel | undefined {
  return DiagLogLevel[(level?.toUpperCase() ?? '') as keyof typeof DiagLogLevel];
}

const nothing = (): void => undefined;
const SILENT: DiagLogger = { error: nothing, warn: nothing, info: nothing, debug: nothing, verbose: nothing };
