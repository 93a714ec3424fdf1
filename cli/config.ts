import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { optionalText, parseConfig } from '../shared/config.ts';
import { parseBaseUrl } from '../shared/text/base-url.ts';
import { isOfService, quotedSettings, unknownSettings } from '../shared/text/setting-names.ts';
import { isOtelSdkName, OTEL_NAMES } from '../shared/trace/settings/otel-names.ts';
import { badOtlpHeaders, parseOtlpHeaders } from '../shared/trace/settings/otlp-headers.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_URL = 'http://127.0.0.1:8787';

/** An HTTP address that paths are added to. The value has no slash at its end. */
const baseUrl = (options: { readonly isApi: boolean }) =>
  z.string().transform((text, context) => {
    const parsed = parseBaseUrl(text, options);
    if ('url' in parsed) return parsed.url;
    context.addIssue({ code: 'custom', message: parsed.fault });
    return z.NEVER;
  });

/** An API key or a token that fits into a header. The API decides whether it is valid. */
const ApiKey = z.string().regex(/^[\x21-\x7e]{1,8192}$/, 'must be 1 to 8192 visible ASCII characters');

/** The address of a trace store, or of a file of spans. */
const TracesUrl = z.string().transform((text, context) => {
  const parsed = isFileUrl(text) ? { url: text } : parseBaseUrl(text, { isApi: false });
  if ('url' in parsed) return parsed.url;
  context.addIssue({ code: 'custom', message: `${parsed.fault}, or file:///path` });
  return z.NEVER;
});

function isFileUrl(text: string): boolean {
  try {
    return /^file:\/\/\//.test(text) && !fileURLToPath(text).includes('\0');
  } catch {
    // It is not percent-encoded as it must be.
    return false;
  }
}

/** Headers for a store of traces or logs, written as OpenTelemetry writes those for a collector. */
const StoreHeaders = z
  .string()
  .refine(
    (text) => badOtlpHeaders(text).length === 0,
    'must be a comma list of name=value, percent-encoded, that can be sent as headers',
  )
  .transform(parseOtlpHeaders);

/** The address of a query for the log lines of a job. */
const LogsUrl = z
  .string()
  .regex(
    /^https?:\/\/[\x21-\x7e]*\{(jobId|traceId)\}[\x21-\x7e]*$/,
    'must be an http or https URL with {jobId} or {traceId} in it',
  )
  // fetch refuses credentials in an address.
  .regex(
    /^\w+:\/\/[^/?#@]*(?:[/?#]|$)/,
    'must be a URL without credentials; THROUGHLINE_LOGS_HEADERS takes them',
  );

const emptyIsUnset = (value: unknown): unknown => (value === '' ? undefined : value);

/** The names of the settings in messages: a value may come from either place. */
const NAMES = {
  url: '--url or THROUGHLINE_URL',
  apiKey: '--api-key or THROUGHLINE_API_KEY',
  tracesUrl: '--traces-url or THROUGHLINE_TRACES_URL',
  tracesHeaders: 'THROUGHLINE_TRACES_HEADERS',
  logsUrl: '--logs-url or THROUGHLINE_LOGS_URL',
  logsHeaders: 'THROUGHLINE_LOGS_HEADERS',
} as const;

const Settings = z.object({
  [NAMES.url]: z.preprocess((value) => emptyIsUnset(value) ?? DEFAULT_URL, baseUrl({ isApi: true })),
  [NAMES.apiKey]: z.preprocess(emptyIsUnset, ApiKey.optional()),
  [NAMES.tracesUrl]: z.preprocess(emptyIsUnset, TracesUrl.optional()),
  [NAMES.tracesHeaders]: z.preprocess((value) => value ?? '', StoreHeaders),
  [NAMES.logsUrl]: z.preprocess(emptyIsUnset, LogsUrl.optional()),
  [NAMES.logsHeaders]: z.preprocess((value) => value ?? '', StoreHeaders),
});

/** Where the API and the traces are, and the key to use. */
export interface CliConfig {
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly tracesUrl: string | undefined;
  /** Sent with each request to the trace store. */
  readonly tracesHeaders: Readonly<Record<string, string>>;
  readonly logsUrl: string | undefined;
  /** Sent with each request to the log store. */
  readonly logsHeaders: Readonly<Record<string, string>>;
}

/** The same settings as options of the command line, which win over the environment, or as those of a profile. */
export interface ConfigFlags {
  readonly url?: string;
  readonly apiKey?: string;
  readonly tracesUrl?: string;
  readonly logsUrl?: string;
}

/**
 * Reads and checks the settings. A variable is ignored if an option is given. If a profile is, its address and key count
 * together, and those of the environment do not.
 * @throws ThroughlineError `config-invalid`, one sentence for each wrong setting, which never shows its value
 */
export function cliConfig(environment: Environment, flags: ConfigFlags, profile?: ConfigFlags): CliConfig {
  const { THROUGHLINE_URL: url, THROUGHLINE_API_KEY: apiKey } = environment;
  const caller = profile ?? { url, apiKey };
  // The headers may hold a key, which is not for the store of a profile.
  const isOfProfile = (setting: 'tracesUrl' | 'logsUrl'): boolean =>
    flags[setting] === undefined && profile?.[setting] !== undefined;
  const settings = parseConfig(Settings, {
    [NAMES.url]: flags.url ?? caller.url,
    [NAMES.apiKey]: flags.apiKey ?? caller.apiKey,
    [NAMES.tracesUrl]: flags.tracesUrl ?? profile?.tracesUrl ?? environment.THROUGHLINE_TRACES_URL,
    [NAMES.tracesHeaders]: isOfProfile('tracesUrl') ? '' : environment.THROUGHLINE_TRACES_HEADERS,
    [NAMES.logsUrl]: flags.logsUrl ?? profile?.logsUrl ?? environment.THROUGHLINE_LOGS_URL,
    [NAMES.logsHeaders]: isOfProfile('logsUrl') ? '' : environment.THROUGHLINE_LOGS_HEADERS,
  });
  return {
    url: settings[NAMES.url],
    apiKey: settings[NAMES.apiKey],
    tracesUrl: settings[NAMES.tracesUrl],
    tracesHeaders: settings[NAMES.tracesHeaders],
    logsUrl: settings[NAMES.logsUrl],
    logsHeaders: settings[NAMES.logsHeaders],
  };
}

const NatsSettings = z.object({ NATS_URL: optionalText });

/** Whether the environment says where NATS is. Whether the address is valid is decided where NATS is asked. */
export function namesNats(environment: Environment): boolean {
  return parseConfig(NatsSettings, environment).NATS_URL !== undefined;
}

const TerminalSettings = z.object({
  NO_COLOR: optionalText,
  TERM: optionalText,
  VISUAL: optionalText,
  EDITOR: optionalText,
});

/** What the environment says about the user's terminal. */
export interface TerminalConfig {
  /** NO_COLOR has any value but the empty one (https://no-color.org). */
  readonly noColor: boolean;
  /** The terminal understands no escape sequences. */
  readonly dumb: boolean;
  /** The command that opens a file for the user to change. */
  readonly editor: string;
}

/** Reads the settings of the terminal. Every value is valid. */
export function terminalConfig(environment: Environment): TerminalConfig {
  const { NO_COLOR, TERM, VISUAL, EDITOR } = parseConfig(TerminalSettings, environment);
  return { noColor: NO_COLOR !== undefined, dumb: TERM === 'dumb', editor: VISUAL ?? EDITOR ?? 'vi' };
}

/** The schemas of what a command reads when it calls the API, by their names, without those of OpenTelemetry. */
export const CLI_SETTINGS: Readonly<Record<string, z.ZodType>> = {
  THROUGHLINE_URL: Settings.shape[NAMES.url],
  THROUGHLINE_API_KEY: Settings.shape[NAMES.apiKey],
  THROUGHLINE_TRACES_URL: Settings.shape[NAMES.tracesUrl],
  THROUGHLINE_TRACES_HEADERS: Settings.shape[NAMES.tracesHeaders],
  THROUGHLINE_LOGS_URL: Settings.shape[NAMES.logsUrl],
  THROUGHLINE_LOGS_HEADERS: Settings.shape[NAMES.logsHeaders],
  // Whether they can be read is decided where a trace is continued.
  TRACEPARENT: optionalText,
  TRACESTATE: optionalText,
  BAGGAGE: optionalText,
};

export const CLI_SETTING_NAMES: readonly string[] = Object.keys(CLI_SETTINGS);

/** The schemas of what the environment says about the user's terminal. */
export const TERMINAL_SETTINGS: Readonly<Record<string, z.ZodType>> = TerminalSettings.shape;

/**
 * Finds settings that change nothing because no command reads their names (`THROUGHLINE_APIKEY`), and settings with quotes around
 * their values, as an env file of Docker leaves them.
 * @returns a sentence for each
 */
export function cliWarnings(environment: Environment): string[] {
  const quoted = quotedSettings(environment, CLI_SETTING_NAMES).map(
    (name) => `${name} has quotes around its value, and they count`,
  );
  const unknown = unknownSettings(environment, {
    program: 'the command line',
    known: [...CLI_SETTING_NAMES, ...OTEL_NAMES],
    prefixes: ['THROUGHLINE_', 'OTEL_'],
    // Where the local stack keeps what it fetched.
    isForeign: (name, value) =>
      name === 'THROUGHLINE_CACHE_DIR' || isOtelSdkName(name) || isOfService(name, value),
  });
  return [...unknown, ...quoted];
}
