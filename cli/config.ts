import * as z from 'zod';
import { optionalText, parseConfig, url } from '../shared/config.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_URL = 'http://127.0.0.1:8787';

/** An HTTP address that paths can be put behind: no credentials, which fetch refuses, and nothing after the path. */
const BaseUrl = url('http', 'https')
  .refine((text) => {
    const { username, password, search, hash } = URL.parse(text) ?? {};
    return [username, password, search, hash].every((part) => !part);
  }, 'must be a URL without credentials, query and fragment')
  .transform((text) => text.replace(/\/+$/, ''));

/** A key or a token as a header can carry it; whether it is a good one, the API says. */
const ApiKey = z.string().regex(/^[\x21-\x7e]{1,8192}$/, 'must be 1 to 8192 visible ASCII characters');

const orUnset = (value: unknown): unknown => (value === '' ? undefined : value);

/** Named as a message should name them: whichever of the two it was. */
const NAMES = {
  url: '--url or THROUGHLINE_URL',
  apiKey: '--api-key or THROUGHLINE_API_KEY',
  tracesUrl: '--traces-url or THROUGHLINE_TRACES_URL',
} as const;

const Settings = z.object({
  [NAMES.url]: z.preprocess((value) => orUnset(value) ?? DEFAULT_URL, BaseUrl),
  [NAMES.apiKey]: z.preprocess(orUnset, ApiKey.optional()),
  [NAMES.tracesUrl]: z.preprocess(orUnset, BaseUrl.optional()),
});

/** Where the API and the traces are, and who asks. */
export interface CliConfig {
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly tracesUrl: string | undefined;
}

/** What the command line says of the same; it wins. */
export interface ConfigFlags {
  readonly url?: string;
  readonly apiKey?: string;
  readonly tracesUrl?: string;
}

/**
 * Validates the settings. A variable that a flag replaces is not looked at.
 * @throws ThroughlineError `config-invalid`, a sentence per wrong setting that never shows its value
 */
export function cliConfig(environment: Environment, flags: ConfigFlags): CliConfig {
  const settings = parseConfig(Settings, {
    [NAMES.url]: flags.url ?? environment.THROUGHLINE_URL,
    [NAMES.apiKey]: flags.apiKey ?? environment.THROUGHLINE_API_KEY,
    [NAMES.tracesUrl]: flags.tracesUrl ?? environment.THROUGHLINE_TRACES_URL,
  });
  return {
    url: settings[NAMES.url],
    apiKey: settings[NAMES.apiKey],
    tracesUrl: settings[NAMES.tracesUrl],
  };
}

const TerminalSettings = z.object({ NO_COLOR: optionalText, TERM: optionalText });

/** What the user's environment says of their terminal. */
export interface TerminalConfig {
  /** https://no-color.org: present and not empty, whatever its value. */
  readonly noColor: boolean;
  /** It understands no escape sequences. */
  readonly dumb: boolean;
}

/** Reads the settings of the terminal; every value is valid. */
export function terminalConfig(environment: Environment): TerminalConfig {
  const { NO_COLOR, TERM } = parseConfig(TerminalSettings, environment);
  return { noColor: NO_COLOR !== undefined, dumb: TERM === 'dumb' };
}
