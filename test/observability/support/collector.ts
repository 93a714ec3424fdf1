import { createHash } from 'node:crypto';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../../dev/machine/command.ts';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import { until } from '../../support/poll.ts';
import { startConfigured } from '../../support/programs/configured-program.ts';
import { locateGoProgram } from '../../support/programs/go-program.ts';
import { SUITE } from '../../support/suite-settings.ts';

const SOURCE = join(import.meta.dirname, '../otelcol');
const FILES = ['go.mod', 'main.go'];
/** The release of the image in deploy/compose/compose.yaml. */
export const COLLECTOR_VERSION = '0.161.0';

/**
 * Finds the Collector of the tests in the cache. If `COLLECTOR_BUILD` is set, it is built there with Go first: the parts that
 * deploy/observability/collector.yaml uses, of one release.
 * @returns the path of the program, or why there is none
 */
export async function locateCollector(): ReturnType<typeof locateGoProgram> {
  const texts = await Promise.all(FILES.map((file) => readFile(join(SOURCE, file))));
  const digest = createHash('sha256').update(Buffer.concat(texts)).digest('hex').slice(0, 8);
  return await locateGoProgram({
    name: 'otelcol',
    version: `v${COLLECTOR_VERSION}-${digest}`,
    check: ['--version'],
    package: '.',
    mayBuild: SUITE.COLLECTOR_BUILD,
    builtBy: 'npm run test:collector',
    flags: ['-mod=mod'],
    prepare: (folder) => Promise.all(FILES.map((file) => copyFile(join(SOURCE, file), join(folder, file)))),
  });
}

/** Lets the Collector check a configuration. @throws Error with what it says is wrong */
export async function validate(program: string, config: string): Promise<void> {
  await runCommand(program, ['validate', '--config', config], { timeoutMs: 20_000 });
}

/** A Collector of the test's own. */
export interface OpenTelemetryCollector {
  /** The value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly otlpUrl: string;
  /** Its metrics about itself, as Prometheus reads them. */
  readonly metrics: () => Promise<string>;
}

/**
 * Starts a Collector. It ends with the test file.
 * @param configOf makes its configuration from the ports for OTLP and for its metrics
 */
export async function startCollector(
  program: string,
  configOf: (ports: { readonly otlp: number; readonly metrics: number }) => string,
): Promise<OpenTelemetryCollector> {
  const [otlp, metrics] = await Promise.all([findFreePort(), findFreePort()]);
  const { child, lines } = await startConfigured(program, 'collector.yaml', configOf({ otlp, metrics }));
  const otlpUrl = `http://127.0.0.1:${otlp}`;
  const read = async (): Promise<string> => await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
  const state = await until('the Collector to run, or to end', async () => {
    if (!child.running) return 'ended';
    // Its receivers start last: its metrics are there before it has read every part of the configuration.
    await fetch(otlpUrl);
    return (await read()).length > 0 && 'running';
  });
  if (state === 'ended') throw new Error(`the Collector ended: ${lines.join('\n')}`);
  return { otlpUrl, metrics: read };
}
