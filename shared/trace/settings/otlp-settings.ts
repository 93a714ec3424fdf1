import type * as z from 'zod';
import { optionalWhole, percentDecoded, url, wholeNumber } from '../../config.ts';
import { optionalWord, word } from './otel-words.ts';
import { otlpHeaders } from './otlp-headers.ts';

const TRACES_PATH = '/v1/traces';
/** No try of an export may take longer. */
export const MAX_TIMEOUT_MS = 60_000;
const TIMEOUT_MS = 10_000;

// Spans leave as OTLP over HTTP in JSON.
const protocol = optionalWord(['http/json']);

/** The variables of the OTLP exporter that both runtimes read (specification, "OpenTelemetry Protocol Exporter"). */
export const otlpVariables = {
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https').optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url('http', 'https').optional(),
  OTEL_EXPORTER_OTLP_HEADERS: otlpHeaders,
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: otlpHeaders,
  OTEL_EXPORTER_OTLP_COMPRESSION: word(['none', 'gzip'], 'none'),
  OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: optionalWord(['none', 'gzip']),
  OTEL_EXPORTER_OTLP_TIMEOUT: wholeNumber(1, MAX_TIMEOUT_MS, TIMEOUT_MS),
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: optionalWhole(1, MAX_TIMEOUT_MS),
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol,
};

type ExportSettings = z.output<z.ZodObject<typeof otlpVariables>> & {
  readonly OTEL_SDK_DISABLED: boolean;
  readonly OTEL_TRACES_EXPORTER: 'otlp' | 'none';
};

/** Where something is sent as OTLP. */
export interface OtlpAddress {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where something is sent as OTLP, and how. */
export interface OtlpTarget extends OtlpAddress {
  readonly gzip: boolean;
  /** How many milliseconds one try may take. */
  readonly timeoutMs: number;
}

/**
 * Where the spans go; undefined if they are not exported. The endpoint for traces is used as it is, and the general one
 * gets a path added (specification, "OTLP exporter").
 */
export function tracesTarget(settings: ExportSettings): OtlpTarget | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = settings;
  const address = otlpAddress(own, base, TRACES_PATH);
  if (address === undefined || settings.OTEL_SDK_DISABLED || settings.OTEL_TRACES_EXPORTER === 'none')
    return undefined;
  const { OTEL_EXPORTER_OTLP_COMPRESSION: compression, OTEL_EXPORTER_OTLP_TIMEOUT: timeoutMs } = settings;
  return {
    url: address.url,
    headers: {
      ...address.headers,
      ...settings.OTEL_EXPORTER_OTLP_HEADERS,
      ...settings.OTEL_EXPORTER_OTLP_TRACES_HEADERS,
    },
    gzip: (settings.OTEL_EXPORTER_OTLP_TRACES_COMPRESSION ?? compression) === 'gzip',
    timeoutMs: settings.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT ?? timeoutMs,
  };
}

/**
 * The address of an OTLP endpoint. A user and a password in the URL become an `authorization` header.
 * @param own the endpoint of one signal, which is used as it is
 * @param base the endpoint of all signals, to which `path` is added
 */
export function otlpAddress(
  own: string | undefined,
  base: string | undefined,
  path: string,
): OtlpAddress | undefined {
  const text = own ?? base;
  if (text === undefined) return undefined;
  const target = new URL(text);
  const { username, password } = target;
  if (own === undefined) target.pathname = `${target.pathname.replace(/\/$/, '')}${path}`;
  target.username = '';
  target.password = '';
  const login = `${percentDecoded(username)}:${percentDecoded(password)}`;
  return { url: target.href, headers: login === ':' ? {} : { authorization: `Basic ${base64(login)}` } };
}

/** The base64 of a text in UTF-8. `btoa` alone throws for most scripts. */
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
