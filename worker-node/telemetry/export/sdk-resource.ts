import type { Attributes } from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  processDetector,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { SCHEMA_URL } from '../../../shared/trace/tracer.ts';

/** The attributes of the resource, as the SDK takes them. */
export function sdkResource(attributes: Attributes): Resource {
  return defaultResource().merge(resourceFromAttributes(attributes, { schemaUrl: SCHEMA_URL }));
}

/** The same with what the SDK finds out about the process and the host. For spans it does that by itself. */
export function foundResource(attributes: Attributes): Resource {
  const found = detectResources({ detectors: [envDetector, processDetector, hostDetector] });
  return sdkResource(attributes).merge(found);
}
