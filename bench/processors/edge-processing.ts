import { otlpSender } from '../../edge/telemetry/export/otlp.ts';
import { SpanCounts } from '../../edge/telemetry/export/span-counts.ts';
import { EdgeSpanProcessor } from '../../edge/telemetry/export/span-processor.ts';
import { createLogger } from '../../edge/telemetry/log.ts';
import { pause } from '../../shared/timers.ts';
import { type Processing, processingBy } from './make-spans.ts';

const TIMEOUT_MS = 20_000;

/** The span processor of the edge, with the limits that it has by default. @param url the collector */
export async function edgeProcessing(url: string): Promise<Processing> {
  const target = { url: `${url}/v1/traces`, headers: {}, gzip: false, timeoutMs: TIMEOUT_MS };
  const processor = new EdgeSpanProcessor(
    otlpSender(target, { totalMs: TIMEOUT_MS }),
    new SpanCounts(createLogger('warn'), Date.now),
    {
      maxBytes: 4 * 1024 * 1024,
      maxQueueSize: 4_096,
      maxBatchSize: 512,
      windowMs: 1,
      wait: pause,
      now: Date.now,
    },
  );
  return processingBy(processor);
}
