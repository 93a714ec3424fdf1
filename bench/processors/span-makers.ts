import { Losses } from '../../worker-node/telemetry/export/losses.ts';
import { SpanBatches } from '../../worker-node/telemetry/export/span-batches.ts';
import { readNodeOtelSettings } from '../../worker-node/telemetry/sdk-settings.ts';
import { edgeProcessing } from './edge-processing.ts';
import { type Processing, processingBy } from './make-spans.ts';

const TIMEOUT_MS = 20_000;

/** The name of a processor that is measured. */
export type ProcessorName = keyof typeof PROCESSORS;

/** Makes the processors, with the settings that they have by default. */
export const PROCESSORS = { edge: edgeProcessing, worker: workerProcessing } as const;

async function workerProcessing(url: string): Promise<Processing> {
  const { settings } = readNodeOtelSettings({});
  const target = { url: `${url}/v1/traces`, headers: {}, gzip: false, timeoutMs: TIMEOUT_MS };
  const say = (_: unknown, counts: object | undefined, cause: string) =>
    void process.stderr.write(`${JSON.stringify(counts)} ${cause}\n`);
  const losses = new Losses('spans', say);
  return processingBy(new SpanBatches(target, settings, { losses, environment: {} }));
}
