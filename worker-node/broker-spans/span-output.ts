import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { ThroughlineError } from '../../shared/errors.ts';
import { BROKER } from '../../shared/trace/semantics.ts';
import { tracesTarget } from '../../shared/trace/settings/otlp-settings.ts';
import { SCHEMA_URL } from '../../shared/trace/tracer.ts';
import { createLosses, type SayLoss } from '../telemetry/export/losses.ts';
import { followExports } from '../telemetry/export/sdk-log.ts';
import { processorsOf } from '../telemetry/export/span-processors.ts';
import { resourceAttributes } from '../telemetry/resource.ts';
import { type NodeOtelSettings, readNodeOtelSettings } from '../telemetry/sdk-settings.ts';
import type { TraceEvent } from './trace-event.ts';

/** Servers that are known at the same time. A server has a new id after each start. */
const MOST_SERVERS = 256;

interface OutputOptions {
  /** Holds OpenTelemetry's own settings. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether to print spans on stderr. */
  readonly debug: boolean;
  /** Takes a sentence about each setting that is ignored. */
  readonly warn: (sentence: string) => void;
  readonly sayLoss: SayLoss;
}

/** Where the spans of nats-server go. */
interface SpanOutput {
  /** The resource of the spans of a server. */
  readonly resourceOf: (server: TraceEvent['server']) => Resource;
  /** Takes spans. Those that find no room are counted as lost. */
  readonly add: (spans: readonly ReadableSpan[]) => void;
  /** Sends the spans that are left, and stops. */
  readonly close: () => Promise<void>;
}

/**
 * Opens the way to the collector, by OpenTelemetry's own settings.
 * @throws ThroughlineError `config-invalid` if spans are sent nowhere
 */
export function openSpanOutput({ environment, debug, warn, sayLoss }: OutputOptions): SpanOutput {
  const { settings, warnings } = readNodeOtelSettings(environment);
  for (const warning of warnings) warn(warning);
  const target = tracesTarget(settings);
  if (target === undefined && !debug) {
    const message =
      'the spans would be sent nowhere: set OTEL_EXPORTER_OTLP_ENDPOINT, and neither OTEL_SDK_DISABLED nor OTEL_TRACES_EXPORTER=none';
    throw new ThroughlineError('config-invalid', message);
  }
  const losses = createLosses(sayLoss);
  const { all: processors } = processorsOf(
    { environment, debug },
    { settings, target, losses: losses.spans },
  );
  followExports(settings.OTEL_LOG_LEVEL);
  return {
    resourceOf: createResources(settings),
    add: (spans) => {
      for (const span of spans) for (const processor of processors) processor.onEnd(span);
    },
    close: async () => {
      for (const processor of processors) await processor.shutdown();
      losses.spans.stop();
    },
  };
}

/** Keeps a resource for each nats-server. */
function createResources(settings: NodeOtelSettings): SpanOutput['resourceOf'] {
  const resources = new Map<string, Resource>();
  return ({ ver, id }) => {
    const known = resources.get(id);
    if (known !== undefined) return known;
    if (resources.size >= MOST_SERVERS) resources.clear();
    const own = { 'service.version': ver, 'service.instance.id': id, ...settings.OTEL_RESOURCE_ATTRIBUTES };
    const attributes = resourceAttributes(BROKER.service, { ...settings, OTEL_RESOURCE_ATTRIBUTES: own });
    const resource = resourceFromAttributes(attributes, { schemaUrl: SCHEMA_URL });
    resources.set(id, resource);
    return resource;
  };
}
