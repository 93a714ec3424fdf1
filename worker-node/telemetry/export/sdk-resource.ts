import { type Attributes, diag } from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  osDetector,
  processDetector,
  type Resource,
  type ResourceDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { SCHEMA_URL } from '../../../shared/trace/tracer.ts';
import type { Environment } from './exporter-config.ts';

/** What the SDK can find out, under the names of its variable `OTEL_NODE_RESOURCE_DETECTORS`. */
const DETECTORS: Readonly<Record<string, ResourceDetector>> = {
  env: envDetector,
  process: processDetector,
  host: hostDetector,
  os: osDetector,
  serviceinstance: serviceInstanceIdDetector,
};
const USUAL = 'env,process,host';

/** The attributes of the resource, as the SDK takes them. */
export function sdkResource(attributes: Attributes): Resource {
  return defaultResource().merge(resourceFromAttributes(attributes, { schemaUrl: SCHEMA_URL }));
}

/** The same with what the SDK finds out about the process and the host. */
export function foundResource(attributes: Attributes, environment: Environment): Resource {
  const detectors = detectorsOf(environment.OTEL_NODE_RESOURCE_DETECTORS || USUAL);
  return sdkResource(attributes).merge(detectResources({ detectors }));
}

function detectorsOf(list: string): ResourceDetector[] {
  const names = list.split(',').map((name) => name.trim());
  if (names.includes('all')) return Object.values(DETECTORS);
  if (names.includes('none')) return [];
  return names.flatMap((name) => {
    const detector = Object.hasOwn(DETECTORS, name) ? DETECTORS[name] : undefined;
    if (detector === undefined) diag.error(`OTEL_NODE_RESOURCE_DETECTORS: there is no detector ${name}`);
    return detector ?? [];
  });
}
