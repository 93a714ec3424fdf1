const SIGNALS = ['', 'TRACES_', 'METRICS_', 'LOGS_', 'PROFILES_'];
const EXPORTER = [
  'ENDPOINT',
  'HEADERS',
  'TIMEOUT',
  'PROTOCOL',
  'COMPRESSION',
  'INSECURE',
  'CERTIFICATE',
  'CLIENT_KEY',
  'CLIENT_CERTIFICATE',
];
const BATCH = ['SCHEDULE_DELAY', 'EXPORT_TIMEOUT', 'MAX_QUEUE_SIZE', 'MAX_EXPORT_BATCH_SIZE'];
const LIMITS = ['', 'SPAN_', 'LOGRECORD_'].flatMap((kind) => [
  `${kind}ATTRIBUTE_COUNT_LIMIT`,
  `${kind}ATTRIBUTE_VALUE_LENGTH_LIMIT`,
]);

/**
 * The variables of OpenTelemetry's specification ("Environment Variable Specification", "OTLP exporter"). Those of signals
 * that we do not export are in the list too: they are no mistake.
 */
export const OTEL_NAMES: readonly string[] = [
  'SDK_DISABLED',
  'ENTITIES',
  'RESOURCE_ATTRIBUTES',
  'SERVICE_NAME',
  'LOG_LEVEL',
  'PROPAGATORS',
  'CONFIG_FILE',
  'TRACES_SAMPLER',
  'TRACES_SAMPLER_ARG',
  'TRACES_EXPORTER',
  'METRICS_EXPORTER',
  'METRICS_EXEMPLAR_FILTER',
  'METRIC_EXPORT_INTERVAL',
  'METRIC_EXPORT_TIMEOUT',
  'LOGS_EXPORTER',
  'SPAN_EVENT_COUNT_LIMIT',
  'SPAN_LINK_COUNT_LIMIT',
  'EVENT_ATTRIBUTE_COUNT_LIMIT',
  'LINK_ATTRIBUTE_COUNT_LIMIT',
  'SPAN_ATTRIBUTE_PER_EVENT_COUNT_LIMIT',
  'SPAN_ATTRIBUTE_PER_LINK_COUNT_LIMIT',
  'EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
  'EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION',
  'EXPORTER_PROMETHEUS_HOST',
  'EXPORTER_PROMETHEUS_PORT',
  'EXPORTER_ZIPKIN_ENDPOINT',
  'EXPORTER_ZIPKIN_TIMEOUT',
  ...LIMITS,
  ...BATCH.flatMap((setting) => [`BSP_${setting}`, `BLRP_${setting}`]),
  ...SIGNALS.flatMap((signal) => EXPORTER.map((setting) => `EXPORTER_OTLP_${signal}${setting}`)),
].map((name) => `OTEL_${name}`);

/** Variables of one language, or of instrumentation: each SDK has its own, and they change often. */
const OF_SDK =
  /^OTEL_(?:NODE|JAVA|JAVAAGENT|PYTHON|DOTNET|GO|PHP|RUBY|RUST|CPP|INSTRUMENTATION|SEMCONV|EXPERIMENTAL|[A-Z0-9_]*_EXPERIMENTAL)_/;

/** Whether a name belongs to an SDK of OpenTelemetry rather than to its specification. */
export function isOtelSdkName(name: string): boolean {
  return OF_SDK.test(name);
}
