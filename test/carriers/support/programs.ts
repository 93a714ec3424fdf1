/** Programs that run beside the test: those of the page, and those of other people with OpenTelemetry's own instrumentation. */
import path from 'node:path';
import { startChild } from '../../../dev/machine/child.ts';
import { runCommand } from '../../../dev/machine/command.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { toolEnvironment } from '../../generators/toolbox.ts';
import { atEndOfFile } from '../../support/cleanup.ts';
import { blockOf, ROOT } from '../../support/docs/pages.ts';
import type { TestStack } from '../../support/stack.ts';
import { installed } from './tools.ts';

const REGISTER = path.join(
  ROOT,
  'node_modules/@opentelemetry/auto-instrumentations-node/build/src/register.js',
);
const STOP_MS = 10_000;

type Settings = Readonly<Record<string, string>>;

/** How a program exports its spans, with OpenTelemetry's own propagators. */
export const traced = ({ collector }: TestStack, service: string): Settings => ({
  OTEL_SERVICE_NAME: service,
  OTEL_PROPAGATORS: 'tracecontext,baggage',
  OTEL_TRACES_EXPORTER: 'otlp',
  OTEL_METRICS_EXPORTER: 'none',
  OTEL_LOGS_EXPORTER: 'none',
  OTEL_NODE_RESOURCE_DETECTORS: 'env',
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl,
});

/**
 * Runs a program of `programs/` to its end, with OpenTelemetry's own instrumentations.
 * @param folder where the program and its packages are
 * @returns what it prints
 */
export function runPeer(folder: string, program: string, settings: Settings): Promise<string> {
  const environment = { ...toolEnvironment(), ...settings };
  const args = ['--require', REGISTER, path.join(folder, `${program}.cjs`)];
  return runCommand(process.execPath, args, { cwd: folder, timeoutMs: 60_000, environment });
}

/** Starts a program until the end of the file. */
export async function startProgram(
  command: string,
  args: readonly string[],
  folder: string,
  settings: Settings,
): Promise<void> {
  const child = await startChild({
    command: 'sh',
    args: ['-c', 'cd "$0" && exec "$@"', folder, command, ...args],
    environment: { ...toolEnvironment(), ...settings },
    output: { onLine: (line) => process.stderr.write(`${path.basename(command)}: ${line}\n`) },
  });
  atEndOfFile(() => child.terminate(STOP_MS));
}

/** Starts the Celery worker of the page, as the page says. */
export async function startCelery(folder: string, settings: Settings): Promise<void> {
  const [program = '', ...args] = blockOf('docs/CARRIERS.md', 'sh celery').trim().split(' ');
  await startProgram(path.join(await installed('celery'), 'venv/bin', program), args, folder, settings);
}

/** Runs a Python program with the packages of Celery to its end. @returns what it prints */
export async function runCelery(folder: string, program: string, settings: Settings): Promise<string> {
  const python = path.join(await installed('celery'), 'venv/bin/python');
  const environment = { ...toolEnvironment(), ...settings };
  return await runCommand(python, [path.join(folder, program)], {
    cwd: folder,
    timeoutMs: 60_000,
    environment,
  });
}

/** The services on the way from a span to the root of its trace, without those that come twice in a row. */
export function servicesUp(spans: readonly SpanRecord[], last: SpanRecord): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const services: string[] = [];
  for (
    let span: SpanRecord | undefined = last;
    span !== undefined;
    span = byId.get(span.parentSpanId ?? '')
  ) {
    if (services.at(-1) !== span.service) services.push(span.service);
  }
  return services;
}
