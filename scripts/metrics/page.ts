/** docs/METRICS.md, made from the definitions of the metrics. */
import { BRIDGE_METRICS } from '../../edge/telemetry/measure/bridge-metrics.ts';
import { EDGE_METRICS } from '../../edge/telemetry/measure/definitions.ts';
import { type AttributeValues, type MetricDefinition, prometheusName } from '../../shared/trace/metric.ts';
import { WORKER_METRICS } from '../../worker-node/telemetry/measure/definitions.ts';

/** The metrics of one program. */
interface MetricSection {
  readonly title: string;
  readonly intro: string;
  readonly metrics: readonly MetricDefinition[];
}

const BRIDGE = { bridge: { bounded: 'the bridges: `BRIDGE_SHARDS` for each region' } };

export const METRIC_SECTIONS: readonly MetricSection[] = [
  {
    title: 'Worker',
    intro:
      'Each worker host serves them at `/metrics` of its health port. It reads the streams from NATS every 10 s. It reads the consumers when somebody reads the metrics, at most once in 30 s, and waits two seconds at most.',
    metrics: Object.values(WORKER_METRICS),
  },
  {
    title: 'Bridges',
    intro:
      'The edge asks its bridges when somebody reads its `/metrics`: all of them, or with `BRIDGE_PLACEMENT=region` [those that it shows to a caller of that region](../deploy/README.md#more-bridges). These figures are the same whichever isolate answers.',
    metrics: BRIDGE_METRICS.map((metric) => ({ ...metric, attributes: { ...BRIDGE, ...metric.attributes } })),
  },
  {
    title: 'Edge',
    intro:
      'They are served at `/metrics` of the edge too, and belong to the isolate that answers. At Cloudflare many isolates serve one address, and a series then jumps between them: send them as OTLP there, in which each isolate has a `service.instance.id` of its own. A workerd of your own has one isolate, so its metrics are complete. The log line `request` has the same facts for every request.',
    metrics: Object.values(EDGE_METRICS),
  },
];

const INTRO = `# Metrics

\`npm run metrics\` writes this page from the definitions that the programs count by. A test holds the page against them, and another one holds the alerts and dashboards in \`deploy/observability\` against this page.

- The first name is that for Prometheus; the second is OpenTelemetry's, which follows its conventions where they have a metric (\`messaging.*\`, \`http.*\`, \`nodejs.*\`, \`v8js.*\`; version 1.44).
- Counters start at 0 for all values that are known. Histograms begin with the first measurement.
- The values of every attribute are few. An operation that this host does not have, and an error code that is not ours, is \`_OTHER\`. Tenants are told apart only if \`METRICS_TENANTS\` asks for it.
- A tail-sampling collector does not change these figures: they are counted in the programs.
- \`throughline_trace_context_extracted_total\`, \`throughline_edge_trace_context_extracted_total\` and \`throughline_callbacks_trace_response_total\` say at which hop traces break: at the edge, the bridge, the worker, the delivery of a callback, or its receiver.

**OTLP.** With \`OTEL_METRICS_EXPORTER=otlp\` the worker and the edge send their metrics too, as OTLP over HTTP in JSON, to \`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT\` or to \`OTEL_EXPORTER_OTLP_ENDPOINT\` with \`/v1/metrics\` ([SETTINGS.md](SETTINGS.md#opentelemetry)). The values are cumulative. An isolate of the edge sends its own with the first request after each interval. The metrics of bridges are read at \`/metrics\` only.

**Exemplars.** Histograms of the worker have exemplars: the newest job in each bucket, with \`trace_id\` and \`span_id\`, if its trace is recorded. Prometheus gets them by OpenMetrics, which it asks for by itself, and keeps them with \`--enable-feature=exemplar-storage\`. A tail-sampling collector may have dropped such a trace. OTLP has none, because OpenTelemetry's SDK for JavaScript (2.12) has none: the worker keeps them itself. The edge has none, because its bundle has no room for them.

**The oldest job.** Its age is known for each stream, but not for each lane or operation. NATS tells when the first message of a stream was stored, but not that of a consumer: a host would have to read a whole job, with its body, for each lane. \`throughline_consumer_waiting_messages\` says in which lanes jobs wait, and \`throughline_job_queue_time_seconds\` how long those of an operation had waited when they started.
`;

/** The whole page, as Markdown. */
export function metricsPage(): string {
  return [INTRO, ...METRIC_SECTIONS.map(sectionText)].join('\n');
}

function sectionText({ title, intro, metrics }: MetricSection): string {
  const head = '| metric | kind, unit | labels | meaning | counted in |\n| --- | --- | --- | --- | --- |';
  return `## ${title}\n\n${intro}\n\n${head}\n${metrics.map(rowOf).join('\n')}\n`;
}

function rowOf(metric: MetricDefinition): string {
  const { name, instrument, unit, description, attributes, where } = metric;
  const labels = Object.entries(attributes).map(
    ([label, values]) => `\`${label.replaceAll('.', '_')}\`: ${valuesText(values)}`,
  );
  const names = `\`${prometheusName(metric)}\`<br>\`${name}\``;
  return `| ${names} | ${instrument}, \`${unit}\` | ${labels.join('<br>')} | ${description} | \`${where.replaceAll(', ', '`, `')}\` |`;
}

function valuesText(values: AttributeValues): string {
  return 'bounded' in values ? values.bounded : values.join(', ');
}
