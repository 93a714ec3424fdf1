/** The definition of a metric: its name, its instrument, its unit, its attributes, and where it is counted. */

/** The values that an attribute may have: all of them, or a sentence about what keeps them few. */
export type AttributeValues = readonly string[] | { readonly bounded: string };

export interface MetricDefinition {
  /** As OpenTelemetry names it. {@link prometheusName} is its name in an exposition. */
  readonly name: string;
  /** An `updowncounter` is a gauge whose series can be added up. */
  readonly instrument: 'counter' | 'histogram' | 'gauge' | 'updowncounter';
  /** By UCUM: `s`, `By`, `1`, or what is counted in braces, such as `{job}`. */
  readonly unit: string;
  /** One sentence, for `# HELP` and for docs/METRICS.md. */
  readonly description: string;
  readonly attributes: Readonly<Record<string, AttributeValues>>;
  /** The upper bounds of the buckets of a histogram. */
  readonly buckets?: readonly number[];
  /** For a counter: the combinations of values that start at 0; all combinations of the values above if not given. */
  readonly starts?: readonly Readonly<Record<string, string>>[];
  /** Where it is counted or asked for. */
  readonly where: string;
}

const UNIT_WORDS: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes', '1': 'ratio' };

/**
 * The name of a metric for Prometheus, with its unit (OpenTelemetry, "Prometheus and OpenMetrics Compatibility", "Metric
 * Metadata"). A counter ends in `_total`. A collector that passes metrics on by OTLP makes the same name.
 */
export function prometheusName({
  name,
  instrument,
  unit,
}: Pick<MetricDefinition, 'name' | 'instrument' | 'unit'>): string {
  const base = nameWithUnit(name, unit, instrument === 'gauge').replaceAll('.', '_');
  return instrument === 'counter' && !base.endsWith('_total') ? `${base}_total` : base;
}

/**
 * The name with the word of its unit, unless it ends with that.
 * @param isGauge only gauges of unit `1` are ratios
 */
export function nameWithUnit(name: string, unit: string, isGauge: boolean): string {
  const word = unit === '1' && !isGauge ? undefined : UNIT_WORDS[unit];
  return word === undefined || new RegExp(`[._]${word}$`).test(name) ? name : `${name}.${word}`;
}
