import type { OTLPExporterNodeConfigBase } from '@opentelemetry/otlp-exporter-base';
import { OTLP_HEADER_NAMES } from '../../../shared/trace/settings/otel-settings.ts';
import type { OtlpTarget } from '../../../shared/trace/settings/otlp-settings.ts';
import { withoutFraming } from '../target-warnings.ts';
import { LOG_HEADERS_NAME } from './logs/log-settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

type ExporterConfig = OTLPExporterNodeConfigBase;

/**
 * Makes an exporter of OpenTelemetry. It would add all headers of the environment by itself, and one that cannot be sent loses
 * all exports. So the environment hides them meanwhile: the target has those that can be sent.
 */
export function withoutHeaders<Exporter>(
  { url, headers, gzip, timeoutMs }: OtlpTarget,
  environment: Environment,
  make: (config: ExporterConfig) => Exporter,
): Exporter {
  const writable: Record<string, string | undefined> = environment;
  const hidden = [...OTLP_HEADER_NAMES, LOG_HEADERS_NAME].map((name) => [name, environment[name]] as const);
  for (const [name] of hidden) delete writable[name];
  try {
    const compression = (gzip ? 'gzip' : 'none') as NonNullable<ExporterConfig['compression']>;
    return make({ url, headers: withoutFraming(headers), compression, timeoutMillis: timeoutMs });
  } finally {
    for (const [name, value] of hidden) if (value !== undefined) writable[name] = value;
  }
}
