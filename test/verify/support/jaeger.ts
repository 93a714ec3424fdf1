import { findFreePort } from '../../../dev/machine/free-port.ts';
import { until } from '../../support/poll.ts';
import { startConfigured } from '../../support/programs/configured-program.ts';
import { locateGoProgram } from '../../support/programs/go-program.ts';
import { SUITE } from '../../support/suite-settings.ts';

/** Jaeger 2.13, by the version of its Go module. */
const VERSION = 'v1.76.0';
const PACKAGE = 'github.com/jaegertracing/jaeger/cmd/jaeger';

/**
 * Finds Jaeger in the cache. If `JAEGER_BUILD` is set, it is built there with Go first. `go install` refuses it, because its
 * module replaces another one, so it is the tool of a small module.
 * @returns the path of the program, or why there is none
 */
export function locateJaeger(): ReturnType<typeof locateGoProgram> {
  return locateGoProgram({
    name: 'jaeger',
    version: VERSION,
    check: ['version'],
    package: PACKAGE,
    mayBuild: SUITE.JAEGER_BUILD,
    builtBy: 'npm run test:jaeger',
    prepare: async (_, go) => {
      await go('mod', 'init', 'throughline.test/jaeger');
      await go('get', '-tool', `${PACKAGE}@${VERSION}`);
    },
  });
}

/** A Jaeger of the test's own, which keeps traces in memory. */
export interface Jaeger {
  /** The value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly otlpUrl: string;
  /** The value for `THROUGHLINE_TRACES_URL`. */
  readonly tracesUrl: string;
}

/** Starts a Jaeger. It ends with the test file. */
export async function startJaeger(program: string): Promise<Jaeger> {
  const [query, grpc, otlp] = await Promise.all([findFreePort(), findFreePort(), findFreePort()]);
  const { child, lines } = await startConfigured(program, 'jaeger.yaml', configOf({ query, grpc, otlp }));
  const url = `http://127.0.0.1:${query}`;
  await until('Jaeger to answer', async () => {
    if (!child.running) throw new Error(`Jaeger ended: ${lines.slice(-5).join('\n')}`);
    return await fetch(`${url}/api/v3/services`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return { otlpUrl: `http://127.0.0.1:${otlp}`, tracesUrl: `${url}/api/v3/traces` };
}

function configOf(ports: { readonly query: number; readonly grpc: number; readonly otlp: number }): string {
  return `
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: { receivers: [otlp], exporters: [jaeger_storage_exporter] }
  telemetry:
    logs: { level: error }
    metrics: { level: none }
extensions:
  jaeger_query:
    storage: { traces: main }
    http: { endpoint: "127.0.0.1:${ports.query}" }
    grpc: { endpoint: "127.0.0.1:${ports.grpc}" }
  jaeger_storage:
    backends:
      main: { memory: { max_traces: 10000 } }
receivers:
  otlp:
    protocols:
      http: { endpoint: "127.0.0.1:${ports.otlp}" }
exporters:
  jaeger_storage_exporter: { trace_storage: main }
`;
}
