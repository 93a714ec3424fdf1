import { parseOtlpHeaders } from '../../shared/trace/settings/otlp-headers.ts';

/** Headers that say how a request is written. A setting for one of them would break every export. */
const FRAMING = ['connection', 'content-encoding', 'content-length', 'content-type', 'transfer-encoding'];

const PATHS = { TRACES: '/v1/traces', METRICS: '/v1/metrics', LOGS: '/v1/logs' } as const;

/** The headers that may be sent with an export. */
export function withoutFraming(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !FRAMING.includes(name)));
}

/** A sentence for each header of these settings that is not sent, because the exporter writes it itself. */
export function framingWarnings(
  values: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): string[] {
  return names.flatMap((name) =>
    Object.keys(parseOtlpHeaders(values[name] ?? ''))
      .filter((header) => FRAMING.includes(header))
      .map((header) => `${name}: ${header} is set by the exporter itself, so it is ignored`),
  );
}

/** A sentence for each endpoint whose path is most likely not that of a collector. Values are hidden: they may hold a secret. */
export function pathWarnings(settings: Readonly<Record<string, unknown>>): string[] {
  const all = pathOf(settings.OTEL_EXPORTER_OTLP_ENDPOINT);
  const added = Object.values(PATHS).find((path) => all?.endsWith(path));
  return [
    ...(added === undefined
      ? []
      : [`OTEL_EXPORTER_OTLP_ENDPOINT: it ends with ${added}, which is added to it; leave that out`]),
    ...Object.entries(PATHS).flatMap(([signal, path]) => {
      const name = `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`;
      return pathOf(settings[name]) === ''
        ? [`${name}: it is used as it is, and has no path; collectors listen at ${path}`]
        : [];
    }),
  ];
}

function pathOf(url: unknown): string | undefined {
  return typeof url === 'string' ? URL.parse(url)?.pathname.replace(/\/$/, '') : undefined;
}
