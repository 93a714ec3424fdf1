import type { Attributes, AttributeValue } from '@opentelemetry/api';

/** Labels that the exposition writes itself: the bound of a bucket, and the scope. */
const TAKEN = ['le', 'otel_scope_name', 'otel_scope_version'];

/**
 * Attributes under the names that Prometheus takes. It refuses a whole scrape for one label that it cannot take, or that is there
 * twice; operations and their libraries choose the names of their own attributes. The values of names that become the same are
 * joined by `;` (OpenTelemetry, "Prometheus and OpenMetrics Compatibility", "Metric Attributes").
 */
export function labelsOf(attributes: Attributes): Attributes {
  const labels = new Map<string, AttributeValue>();
  for (const [attribute, value = ''] of Object.entries(attributes)) {
    const label = labelNameOf(attribute);
    const before = labels.get(label);
    labels.set(label, before === undefined ? value : `${String(before)};${String(value)}`);
  }
  return Object.fromEntries(labels);
}

function labelNameOf(attribute: string): string {
  // The serializer would make one underscore of several, and names become the same once more.
  const name = attribute.replace(/[^a-zA-Z0-9]+/g, '_');
  if (!/^[a-zA-Z_]/.test(name)) return `_${name}`;
  return TAKEN.includes(name) ? `exported_${name}` : name;
}
