import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { OtlpTarget } from '../../../shared/trace/settings/otlp-settings.ts';
import { spanLine } from '../../../shared/trace/span-line.ts';
import type { NodeOtelSettings } from '../sdk-settings.ts';
import type { Environment } from './exporter-config.ts';
import type { Losses } from './losses.ts';
import { SpanBatches } from './span-batches.ts';

/** Where spans are sent. */
export interface SpanTarget {
  readonly settings: NodeOtelSettings;
  /** Undefined: they are only printed. */
  readonly target: OtlpTarget | undefined;
  readonly losses: Losses;
}

interface ProcessOptions {
  readonly environment: Environment;
  readonly debug: boolean;
  readonly isBrief?: boolean;
}

/** What takes the spans that have ended. */
interface Processors {
  readonly all: readonly SpanProcessor[];
  /** The one that sends them, if it is the only one. */
  readonly only: SpanBatches | undefined;
}

/**
 * Makes what takes the spans that have ended.
 * @param options whether to print them on stderr, the environment that the exporter reads, and whether the process is brief
 * @param exporting where they are sent, and what counts those that are lost
 */
export function processorsOf(
  { environment, debug, isBrief }: ProcessOptions,
  { settings, target, losses }: SpanTarget,
): Processors {
  const printer = debug ? [new StderrSpanProcessor()] : [];
  if (target === undefined) return { all: printer, only: undefined };
  const batches = new SpanBatches(target, settings, { losses, environment, isBrief });
  return { all: [batches, ...printer], only: debug ? undefined : batches };
}

/** Prints each ended span as one line on stderr: `--debug`. */
class StderrSpanProcessor implements SpanProcessor {
  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    process.stderr.write(`${spanLine(span)}\n`);
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
