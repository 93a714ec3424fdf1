import { type Attributes, diag } from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  hostDetector,
  osDetector,
  processDetector,
  type Resource,
  type ResourceDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { commaList } from '../../../shared/text/comma-list.ts';
import { SCHEMA_URL } from '../../../shared/trace/tracer.ts';
import type { Environment } from './exporter-config.ts';

/** It finds nothing: we have read OpenTelemetry's variables already, by one set of rules for all signals. */
const NOTHING: ResourceDetector = { detect: () => ({}) };

/** What the SDK can find out, under the names of its variable `OTEL_NODE_RESOURCE_DETECTORS`. */
const DETECTORS: Readonly<Record<string, ResourceDetector>> = {
  env: NOTHING,
  process: processDetector,
  host: hostDetector,
  os: osDetector,
  serviceinstance: serviceInstanceIdDetector,
};
const USUAL = 'env,process,host';

/**
 * The resource of spans and log records: what the SDK finds out about the process and the host, and what is said about them.
 * @param attributes what is said; it wins over what is found
 */
export function foundResource(attributes: Attributes, environment: Environment): Resource {
  const detectors = detectorsOf(environment.OTEL_NODE_RESOURCE_DETECTORS || USUAL);
  const said = resourceFromAttributes(attributes, { schemaUrl: SCHEMA_URL });
  return defaultResource().merge(detectResources({ detectors })).merge(said);
}

function detectorsOf(list: string): ResourceDetector[] {
  const names = commaList(list);
  if (names.includes('all')) return Object.values(DETECTORS);
  if (names.includes('none')) return [];
  return names.flatMap((name) => {
    const detector = Object.hasOwn(DETECTORS, name) ? DETECTORS[name] : undefined;
    if (detector === undefined) diag.error(`OTEL_NODE_RESOURCE_DETECTORS: there is no detector ${name}`);
    return detector ?? [];
  });
}
