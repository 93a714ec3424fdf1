import { createRequire } from 'node:module';
import { diag, type Span } from '@opentelemetry/api';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { commaList } from '../../shared/text/comma-list.ts';
import type { OutgoingTrace } from './outgoing-trace.ts';

const ALL = '@opentelemetry/auto-instrumentations-node';
const PREFIX = '@opentelemetry/instrumentation-';
const NAME = /^[a-z\d.-]+$/;

/** Attributes that hold a URL or its part after the host, under their present names and the ones before. */
const URL_ATTRIBUTES = ['url.full', 'http.url', 'http.target'];

/** The folder of this package. The packages that it needs may be in it. */
const OWN = new URL('../../', import.meta.url).href.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
/** Modules that nobody patches. Each of their many files would be loaded through a second one. */
const NOT_PATCHED = [/\/node_modules\/(?:zod|@opentelemetry\/api)\//, new RegExp(`^${OWN}(?!node_modules/)`)];

type Configs = ReturnType<typeof configsFor>;
type InstrumentationClass = new (config: object) => Instrumentation;

/**
 * Instruments Node's http and undici, and the database and cache clients that operations use. They are more than 200 files. So
 * if `OTEL_NODE_ENABLED_INSTRUMENTATIONS` names some, only those are loaded.
 * @param environment holds OpenTelemetry's own settings
 */
export async function loadInstrumentations(
  environment: Readonly<Record<string, string | undefined>>,
  outgoing: OutgoingTrace,
): Promise<Instrumentation[]> {
  const { register, supportsSyncHooks } = await import('import-in-the-middle/register-hooks.mjs');
  const configs = configsFor(outgoing);
  const named = commaList(environment.OTEL_NODE_ENABLED_INSTRUMENTATIONS ?? '');
  const left = commaList(environment.OTEL_NODE_DISABLED_INSTRUMENTATIONS ?? '');
  const load = named.length === 0 ? await loadAll() : loadEach(named.filter((name) => !left.includes(name)));
  // ES modules can be patched only through loader hooks.
  if (supportsSyncHooks()) register({ exclude: NOT_PATCHED });
  return load(configs);
}

async function loadAll(): Promise<(configs: Configs) => Instrumentation[]> {
  const { getNodeAutoInstrumentations } = await import('@opentelemetry/auto-instrumentations-node');
  return getNodeAutoInstrumentations;
}

/** Loads the packages with these instrumentations. Each exports one. */
function loadEach(names: readonly string[]): (configs: Configs) => Instrumentation[] {
  // They are dependencies of that package, and not of ours.
  const load = createRequire(createRequire(import.meta.url).resolve(ALL));
  const classes = names.map((name) => [name, classIn(load, name)] as const);
  return (configs) =>
    classes.flatMap(([name, Class]) => {
      const config: Readonly<Record<string, unknown>> = { ...configs[`${PREFIX}${name}` as keyof Configs] };
      return Class === undefined || config.enabled === false ? [] : [new Class(config)];
    });
}

function classIn(load: NodeJS.Require, name: string): InstrumentationClass | undefined {
  try {
    if (!NAME.test(name)) throw new Error('it is no name');
    const exported = load(PREFIX + name) as Readonly<Record<string, unknown>>;
    const [found] = Object.keys(exported).filter((key) => key.endsWith('Instrumentation'));
    if (found === undefined) throw new Error('its package has none');
    return exported[found] as InstrumentationClass;
  } catch (thrown) {
    diag.error(`OTEL_NODE_ENABLED_INSTRUMENTATIONS: there is no instrumentation ${name}`, thrown);
    return undefined;
  }
}

function configsFor({ beforeRequest, beforeNodeRequest }: OutgoingTrace) {
  return {
    // The lines of an author's own logger get the ids. No line of it is sent a second time.
    '@opentelemetry/instrumentation-pino': { disableLogSending: true },
    // It measures each garbage collection, and no meter takes it: `measure/runtime.ts` has the metrics of the process.
    '@opentelemetry/instrumentation-runtime-node': { enabled: false },
    // Health checks belong to no trace.
    '@opentelemetry/instrumentation-http': {
      disableIncomingRequestInstrumentation: true,
      requestHook: hideQuery,
      startOutgoingSpanHook: beforeNodeRequest,
    },
    '@opentelemetry/instrumentation-undici': { requestHook: hideQuery, startSpanHook: beforeRequest },
  };
}

/** Removes the query from the URL of a client span, since many services take a token there. A hook of instrumentations. */
function hideQuery(span: Span): void {
  const { attributes } = span as { readonly attributes?: Readonly<Record<string, unknown>> };
  for (const name of URL_ATTRIBUTES) {
    const url = attributes?.[name];
    if (typeof url === 'string') span.setAttribute(name, url.replace(/\?.*$/s, ''));
  }
  if (attributes?.['url.query'] !== undefined) span.setAttribute('url.query', '');
}
