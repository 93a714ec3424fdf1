import { onTestFinished } from 'vitest';
import { type Child, startChild } from '../../dev/machine/child.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { until } from '../support/poll.ts';
import type { TestStack } from '../support/stack.ts';

const STOP_MS = 10_000;

/**
 * Starts a worker of `examples/` in a stack, and waits until the API knows one of its operations. The worker ends with the
 * test. Its service has the name of the worker.
 */
export async function startExample(
  { nats, collector, call }: TestStack,
  [command = '', ...args]: readonly string[],
  settings: Readonly<Record<string, string>> & { readonly WORKER_NAME: string },
  operation: string,
): Promise<Child> {
  const lines: string[] = [];
  const { WORKER_NAME: service } = settings;
  const child = await startChild({
    command,
    args,
    output: { onLine: (line) => lines.push(line) },
    environment: {
      ...hostEnvironment(),
      NATS_URL: nats.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl,
      OTEL_SERVICE_NAME: service,
      ...settings,
    },
  });
  onTestFinished(() => child.terminate(STOP_MS));
  await until(`the announcement of ${service}`, async () => {
    if (!child.running) throw new Error(lines.join('\n'));
    const { operations } = (await (await call('/v1/operations')).json()) as {
      readonly operations: readonly { readonly name: string }[];
    };
    return operations.some(({ name }) => name === operation);
  });
  return child;
}
