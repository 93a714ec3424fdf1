import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { spanLine } from '../../shared/trace/span-line.ts';

/** Prints each ended span as one line on stderr: `--debug`. */
export class StderrSpanProcessor implements SpanProcessor {
  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    process.stderr.write(`${spanLine(span)}\n`);
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
