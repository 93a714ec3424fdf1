/** What docs/SETTINGS.md says about OpenTelemetry's own variables. */
import type { SettingGroup } from './setting.ts';

const BATCHES = {
  OTEL_BSP_SCHEDULE_DELAY: 'milliseconds for which spans are collected before they are sent',
  OTEL_BSP_MAX_QUEUE_SIZE: 'spans that wait at most',
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 'spans in one request',
  OTEL_BSP_EXPORT_TIMEOUT: 'the longest export, with all its tries, in milliseconds',
};

export const OTEL_GROUP: SettingGroup = {
  title: 'Everywhere',
  texts: {
    OTEL_EXPORTER_OTLP_ENDPOINT:
      'where spans go, as OTLP over HTTP; `/v1/traces` is added. Without an endpoint no spans are made',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'the same for traces alone; it is used as it is, and wins',
    OTEL_EXPORTER_OTLP_HEADERS:
      'headers for the endpoint: `name=value`, with commas between them, percent-encoded',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'the same for traces alone; they win',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'whether exports are zipped',
    OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'the same for traces alone; it wins',
    OTEL_EXPORTER_OTLP_TIMEOUT: 'the longest try of an export, in milliseconds',
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: 'the same for traces alone; it wins',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'any other value is ignored: spans leave as JSON',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'the same for traces alone',
    OTEL_PROPAGATORS: 'any other value is ignored',
    OTEL_ATTRIBUTE_COUNT_LIMIT: 'attributes of a span, an event or a link. Further ones are dropped',
    OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT:
      'characters of a text in an attribute. The rest is cut off. The edge cuts texts after 256 bytes in any case',
    OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: 'the same for spans alone; it wins',
    OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: 'the same for spans alone; it wins',
    OTEL_SPAN_EVENT_COUNT_LIMIT: 'events of a span',
    OTEL_SPAN_LINK_COUNT_LIMIT: 'links of a span',
    OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: 'attributes of an event; it wins over the limit for everything',
    OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: 'attributes of a link; it wins over the limit for everything',
    OTEL_TRACES_SAMPLER: 'which traces are recorded',
    OTEL_TRACES_SAMPLER_ARG: 'the ratio for `traceidratio` and `parentbased_traceidratio`',
    OTEL_METRICS_EXPORTER: '`otlp`: metrics are sent too. Prometheus can always ask for them at `/metrics`',
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: {
      unset: '`OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/metrics`',
      meaning: 'where metrics go; it is used as it is',
    },
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'more headers for metrics; they win',
    OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: 'whether metrics are zipped; it wins',
    OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: 'the longest try of an export of metrics, in milliseconds; it wins',
    OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'any other value is ignored: metrics leave as JSON',
    OTEL_METRIC_EXPORT_INTERVAL: 'milliseconds between two exports of metrics',
    OTEL_TRACES_EXPORTER: '`none`: no spans are sent',
    OTEL_SDK_DISABLED: '`true`: no spans are made',
    OTEL_RESOURCE_ATTRIBUTES:
      'attributes of the resource, such as `deployment.environment.name=staging`: `name=value`, with commas between them',
    OTEL_SERVICE_NAME: {
      unset: '`throughline-edge`, `throughline-bridge`, `throughline-worker`, `throughline-cli`',
      meaning: 'the service of the spans',
    },
  },
};

export const EDGE_OTEL_GROUP: SettingGroup = { title: 'At the edge', texts: BATCHES };

export const NODE_OTEL_GROUP: SettingGroup = {
  title: 'In the worker and the command line',
  texts: {
    ...BATCHES,
    OTEL_LOGS_EXPORTER: '`otlp`: the worker sends the lines of its log too. They stand on stdout in any case',
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: {
      unset: '`OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/logs`',
      meaning: 'where log records go; it is used as it is',
    },
    OTEL_EXPORTER_OTLP_LOGS_HEADERS: 'more headers for log records; they win',
    OTEL_EXPORTER_OTLP_LOGS_COMPRESSION: 'whether log records are zipped; it wins',
    OTEL_EXPORTER_OTLP_LOGS_TIMEOUT: 'the longest try of an export of log records, in milliseconds; it wins',
    OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'any other value is ignored: log records leave as JSON',
    OTEL_BLRP_SCHEDULE_DELAY: 'milliseconds for which log records are collected before they are sent',
    OTEL_BLRP_MAX_QUEUE_SIZE: 'log records that wait at most',
    OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: 'log records in one request',
    OTEL_BLRP_EXPORT_TIMEOUT: 'the longest export of log records, with all its tries, in milliseconds',
    OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT:
      'attributes of a log record; it wins over the limit for everything. Further ones are dropped',
    OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT:
      'characters of a text in an attribute of a log record; it wins over the limit for everything',
    OTEL_LOG_LEVEL: "the log of OpenTelemetry's SDK itself, on stderr",
  },
};
