import { type MetricDefinition, prometheusName } from '../../../shared/trace/metric.ts';

/** The attributes of a value, by their names. */
export type Labels = Readonly<Record<string, string | number>>;

/** One value of a metric. */
export interface Sample {
  /** What stands after the name, such as `_count`. */
  readonly suffix?: string;
  readonly labels: Labels;
  readonly value: number;
}

/** A metric in Prometheus' text format 0.0.4. The labels' values need no escaping: they are names of ours. */
export function metricText(metric: MetricDefinition, samples: readonly Sample[]): string {
  const name = prometheusName(metric);
  const lines = samples.map(({ suffix = '', labels, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label.replaceAll('.', '_')}="${text}"`);
    return `${name}${suffix}{${pairs.join(',')}} ${value}`;
  });
  return [`# HELP ${name} ${metric.description}`, `# TYPE ${name} ${metric.instrument}`, ...lines, ''].join(
    '\n',
  );
}
