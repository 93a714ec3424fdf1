import { SDK_INFO } from '@opentelemetry/core';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { SERVICE } from '../../shared/trace/semantics.ts';
import { SCHEMA_URL } from '../../shared/trace/tracer.ts';
import { VERSION } from '../../shared/version.ts';
import type { TelemetrySettings } from './settings.ts';

let isolate: string | undefined;

/** An id of this isolate, for its spans and its metrics. It is made late, since workerd gives no random values before a request. */
function instanceId(): string {
  isolate ??= crypto.randomUUID();
  return isolate;
}

/**
 * What the spans and metrics of this isolate say about where they come from. The attributes of `OTEL_RESOURCE_ATTRIBUTES` win over ours,
 * and `OTEL_SERVICE_NAME` wins over both (specification, "General SDK Configuration").
 */
export function edgeResource(settings: TelemetrySettings): Resource {
  const { OTEL_SERVICE_NAME: name, OTEL_RESOURCE_ATTRIBUTES: own } = settings;
  const attributes = {
    ...SDK_INFO,
    // A bundler takes the SDK's build for browsers, but trace stores show `webjs` as the page of a user.
    'telemetry.sdk.language': 'nodejs',
    'process.runtime.name': 'workerd',
    'cloud.provider': 'cloudflare',
    'cloud.platform': 'cloudflare.workers',
    'service.version': VERSION,
    'service.instance.id': instanceId(),
    'service.name': SERVICE.edge,
    ...own,
    ...(name === undefined ? {} : { 'service.name': name }),
  };
  return resourceFromAttributes(attributes, { schemaUrl: SCHEMA_URL });
}
