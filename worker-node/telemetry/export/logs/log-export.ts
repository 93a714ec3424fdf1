import type { Attributes } from '@opentelemetry/api';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { describeThrown } from '../../../../shared/errors.ts';
import { SERVICE } from '../../../../shared/trace/semantics.ts';
import type { OtlpTarget } from '../../../../shared/trace/settings/otlp-settings.ts';
import { SCHEMA_URL } from '../../../../shared/trace/tracer.ts';
import { VERSION } from '../../../../shared/version.ts';
import type { NodeOtelSettings } from '../../sdk-settings.ts';
import type { Environment } from '../exporter-config.ts';
import type { Losses } from '../losses.ts';
import { foundResource } from '../sdk-resource.ts';
import type { SendLine } from './exported-lines.ts';
import { LogBatches } from './log-batches.ts';
import { logRecordOf } from './log-record.ts';

interface LogExportParts {
  readonly target: OtlpTarget;
  readonly settings: NodeOtelSettings;
  readonly losses: Losses;
  readonly resource: Attributes;
  readonly environment: Environment;
}

/** What sends the lines of the log to a collector. */
export interface LogExport {
  readonly send: SendLine;
  /** Sends the lines that are left, for as long as one export may take, but at most for `limitMs`, and stops. */
  readonly shutdown: (limitMs?: number) => Promise<void>;
}

/** Starts OpenTelemetry's logs SDK with OTLP over HTTP. */
export function startLogExport(parts: LogExportParts): LogExport {
  const { settings, losses } = parts;
  const batches = new LogBatches(parts.target, settings, parts);
  const provider = new LoggerProvider({
    resource: foundResource(parts.resource, parts.environment),
    processors: [batches],
    logRecordLimits: {
      attributeCountLimit:
        settings.OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT ?? settings.OTEL_ATTRIBUTE_COUNT_LIMIT,
      attributeValueLengthLimit:
        settings.OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT ??
        settings.OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT ??
        Number.POSITIVE_INFINITY,
    },
  });
  const logger = provider.getLogger(SERVICE.worker, VERSION, { schemaUrl: SCHEMA_URL });
  const send = (line: string): void => {
    try {
      logger.emit(logRecordOf(line));
    } catch (thrown) {
      // Whatever is wrong here, the line itself must still be written.
      losses.add('exportFailed', 1, describeThrown(thrown));
    }
  };
  return {
    send,
    shutdown: async (limitMs = Number.POSITIVE_INFINITY) => {
      batches.endIn(limitMs);
      await provider.shutdown();
      losses.stop();
    },
  };
}
