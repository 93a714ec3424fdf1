import type * as z from 'zod';
import { toBase64 } from '../../bytes.ts';
import { optionalWhole, url, wholeNumber } from '../../config.ts';
import { percentDecoded } from '../../text/percent-decoded.ts';
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

/** The settings for all signals. */
export interface CommonSettings {
  readonly OTEL_SDK_DISABLED: boolean;
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_HEADERS: Readonly<Record<string, string>>;
  readonly OTEL_EXPORTER_OTLP_COMPRESSION: 'none' | 'gzip';
  readonly OTEL_EXPORTER_OTLP_TIMEOUT: number;
}

/** The settings for one signal. Each wins over that for all signals, or adds to it; undefined: it is not set. */
interface OwnSettings {
  readonly exporter: 'otlp' | 'none';
  readonly endpoint: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: 'none' | 'gzip' | undefined;
  readonly timeoutMs: number | undefined;
}

type TracesSettings = CommonSettings &
  z.output<z.ZodObject<typeof otlpVariables>> & { readonly OTEL_TRACES_EXPORTER: 'otlp' | 'none' };

/** Where something is sent as OTLP. */
interface OtlpAddress {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where something is sent as OTLP, and how. */
export interface OtlpTarget extends OtlpAddress {
  readonly gzip: boolean;
  /** How many milliseconds one try may take. */
  readonly timeoutMs: number;
}

/** Where the spans go, and how; undefined if they are not exported. */
export function tracesTarget(settings: TracesSettings): OtlpTarget | undefined {
  return signalTarget(TRACES_PATH, settings, {
    exporter: settings.OTEL_TRACES_EXPORTER,
    endpoint: settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    headers: settings.OTEL_EXPORTER_OTLP_TRACES_HEADERS,
    compression: settings.OTEL_EXPORTER_OTLP_TRACES_COMPRESSION,
    timeoutMs: settings.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT,
  });
}

/**
 * Where a signal goes, and how. The endpoint for one signal is used as it is; the endpoint for all signals gets a path added
 * (specification, "OTLP exporter").
 * @param path the path of the signal, such as `/v1/traces`
 * @returns undefined if the signal is not exported
 */
export function signalTarget(path: string, common: CommonSettings, own: OwnSettings): OtlpTarget | undefined {
  if (common.OTEL_SDK_DISABLED || own.exporter === 'none') return undefined;
  const address = otlpAddress(own.endpoint, common.OTEL_EXPORTER_OTLP_ENDPOINT, path);
  if (address === undefined) return undefined;
  return {
    url: address.url,
    headers: { ...address.headers, ...common.OTEL_EXPORTER_OTLP_HEADERS, ...own.headers },
    gzip: (own.compression ?? common.OTEL_EXPORTER_OTLP_COMPRESSION) === 'gzip',
    timeoutMs: own.timeoutMs ?? common.OTEL_EXPORTER_OTLP_TIMEOUT,
  };
}

/**
 * The address of an OTLP endpoint. A user and a password in the URL become an `authorization` header.
 * @param own the endpoint of one signal, which is used as it is
 * @param base the endpoint of all signals, to which `path` is added
 */
function otlpAddress(
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
  if (login === ':') return { url: target.href, headers: {} };
  const authorization = `Basic ${toBase64(new TextEncoder().encode(login))}`;
  return { url: target.href, headers: { authorization } };
}
