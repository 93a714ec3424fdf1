import { OTEL_NAMES } from './otel-names.ts';

/** What a program does with a variable of OpenTelemetry. */
export interface Support {
  readonly isHonoured: boolean;
  /** Which values, or why not. */
  readonly note: string;
}

/** A row of the table: some variables of OpenTelemetry, and what each program does with all of them. */
export interface OtelRow {
  readonly names: readonly string[];
  readonly edge: Support;
  readonly worker: Support;
}

const yes = (note = ''): Support => ({ isHonoured: true, note });
const no = (note: string): Support => ({ isHonoured: false, note });

function row(names: readonly string[], edge: Support, worker: Support = edge): OtelRow {
  return { names: names.map((name) => `OTEL_${name}`), edge, worker };
}

const forTraces = (...settings: string[]): string[] =>
  ['', 'TRACES_'].flatMap((signal) => settings.map((setting) => `EXPORTER_OTLP_${signal}${setting}`));

const forLogs = (...settings: string[]): string[] =>
  settings.map((setting) => `EXPORTER_OTLP_LOGS_${setting}`);
const forMetrics = (...settings: string[]): string[] =>
  settings.map((setting) => `EXPORTER_OTLP_METRICS_${setting}`);
const onStdout = no('its log is lines on stdout');

/** The variables that say something about traces, metrics and logs. */
const READ: readonly OtelRow[] = [
  row(['SDK_DISABLED', 'RESOURCE_ATTRIBUTES'], yes()),
  row(['SERVICE_NAME'], yes('the edge; bridges, index and schedules keep their names'), yes()),
  row(['TRACES_EXPORTER'], yes('`otlp`, `none`')),
  row(forTraces('ENDPOINT', 'HEADERS', 'COMPRESSION', 'TIMEOUT'), yes()),
  row(forTraces('PROTOCOL'), yes('`http/json` alone')),
  row(
    [
      ...forTraces('CERTIFICATE', 'CLIENT_KEY', 'CLIENT_CERTIFICATE'),
      ...forMetrics('CERTIFICATE', 'CLIENT_KEY', 'CLIENT_CERTIFICATE'),
    ],
    no('workerd has no certificates of its own for `fetch`'),
    yes('read by the exporter of the SDK'),
  ),
  row(
    [...forTraces('INSECURE'), ...forMetrics('INSECURE'), ...forLogs('INSECURE')],
    no('it is for gRPC; the scheme of the endpoint says it'),
  ),
  row(
    ['METRICS_EXPORTER'],
    yes('`otlp`; `none` is the default, since Prometheus can always ask at `/metrics`'),
  ),
  row(forMetrics('ENDPOINT', 'HEADERS', 'COMPRESSION', 'TIMEOUT'), yes()),
  row(forMetrics('PROTOCOL'), yes('`http/json` alone')),
  row(['METRIC_EXPORT_INTERVAL'], yes('with the next request'), yes()),
  row(
    ['LOGS_EXPORTER'],
    onStdout,
    yes('`otlp`; `none` is the default, since most systems collect the lines of stdout already'),
  ),
  row(forLogs('ENDPOINT', 'HEADERS', 'COMPRESSION', 'TIMEOUT'), onStdout, yes()),
  row(forLogs('PROTOCOL'), onStdout, yes('`http/json` alone')),
  row(
    forLogs('CERTIFICATE', 'CLIENT_KEY', 'CLIENT_CERTIFICATE'),
    onStdout,
    yes('read by the exporter of the SDK'),
  ),
  row(
    [
      'BLRP_SCHEDULE_DELAY',
      'BLRP_EXPORT_TIMEOUT',
      'BLRP_MAX_QUEUE_SIZE',
      'BLRP_MAX_EXPORT_BATCH_SIZE',
      'LOGRECORD_ATTRIBUTE_COUNT_LIMIT',
      'LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT',
    ],
    onStdout,
    yes(),
  ),
  row(['PROPAGATORS'], yes('`tracecontext,baggage` alone')),
  row(
    ['TRACES_SAMPLER', 'TRACES_SAMPLER_ARG'],
    yes('`always_on`, `always_off`, `traceidratio`, and each after `parentbased_`'),
  ),
  row(['BSP_SCHEDULE_DELAY'], yes('at most 5 s'), yes()),
  row(['BSP_EXPORT_TIMEOUT'], yes('at most 20 s, with all tries'), yes()),
  row(['BSP_MAX_QUEUE_SIZE', 'BSP_MAX_EXPORT_BATCH_SIZE'], yes()),
  row(
    [
      'ATTRIBUTE_COUNT_LIMIT',
      'ATTRIBUTE_VALUE_LENGTH_LIMIT',
      'SPAN_ATTRIBUTE_COUNT_LIMIT',
      'SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
      'SPAN_EVENT_COUNT_LIMIT',
      'SPAN_LINK_COUNT_LIMIT',
      'EVENT_ATTRIBUTE_COUNT_LIMIT',
      'LINK_ATTRIBUTE_COUNT_LIMIT',
    ],
    yes('texts are cut after 256 bytes in any case'),
    yes(),
  ),
  row(
    ['SPAN_ATTRIBUTE_PER_EVENT_COUNT_LIMIT', 'SPAN_ATTRIBUTE_PER_LINK_COUNT_LIMIT'],
    no('the specification calls them `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`, `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`'),
  ),
  row(['LOG_LEVEL'], no('`LOG_LEVEL` is for all of its lines'), yes("the SDK's own log")),
  row(['METRIC_EXPORT_TIMEOUT'], no('`OTEL_EXPORTER_OTLP_METRICS_TIMEOUT` limits an export')),
  row(['CONFIG_FILE', 'ENTITIES'], no('in development in the specification')),
];

const otherForm = no('metrics and log records leave as OTLP in JSON');
const known = new Set(READ.flatMap(({ names }) => names));

/** Every variable of OpenTelemetry's specification, once. */
export const OTEL_ROWS: readonly OtelRow[] = [
  ...READ,
  {
    names: OTEL_NAMES.filter((name) => !known.has(name)),
    edge: otherForm,
    worker: otherForm,
  },
];

/**
 * Finds variables of the worker that are set and not honoured. `none` as an exporter is what the worker does anyway.
 * @returns a sentence for each, without its value
 */
export function unhonoured(environment: Readonly<Record<string, string | undefined>>): string[] {
  const isAsked = (name: string): boolean => {
    const value = environment[name]?.trim() ?? '';
    return value !== '' && !(name.endsWith('_EXPORTER') && value === 'none');
  };
  return OTEL_ROWS.filter(({ worker }) => !worker.isHonoured).flatMap(({ names, worker }) =>
    names.filter(isAsked).map((name) => `${name} changes nothing: ${worker.note}`),
  );
}
