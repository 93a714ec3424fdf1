import { randomUUID } from 'node:crypto';
import type { Attributes } from '@opentelemetry/api';
import type { OtelSettings } from '../../shared/trace/settings/otel-settings.ts';
import { VERSION } from '../../shared/version.ts';

/** The same for the spans, the metrics and the log records of this process. */
const INSTANCE_ID = randomUUID();

/**
 * What the spans, metrics and log records of this process say about where they come from. The attributes of `OTEL_RESOURCE_ATTRIBUTES` win
 * over ours, and `OTEL_SERVICE_NAME` wins over both (specification, "General SDK Configuration").
 */
export function resourceAttributes(
  serviceName: string,
  {
    OTEL_SERVICE_NAME: name,
    OTEL_RESOURCE_ATTRIBUTES: own,
  }: Pick<OtelSettings, 'OTEL_SERVICE_NAME' | 'OTEL_RESOURCE_ATTRIBUTES'>,
): Attributes {
  return {
    'service.name': serviceName,
    'service.version': VERSION,
    'service.instance.id': INSTANCE_ID,
    ...own,
    ...(name === undefined ? {} : { 'service.name': name }),
  };
}
