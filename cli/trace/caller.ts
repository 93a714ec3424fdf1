import type { Scope } from '../host.ts';
import type { BaggagePair } from '../input/baggage.ts';
import { CallerTrace } from './caller-trace.ts';

/** Somebody who pressed Ctrl-C waits for no collector. */
const INTERRUPTED_FLUSH_MS = 300;

/**
 * The trace of a command's requests; its spans are sent after the command's last word.
 * @throws CliError `usage-invalid` when the baggage does not fit
 */
export async function startCaller(
  { environment, debug, output, signal, defer }: Scope,
  baggage: readonly BaggagePair[] = [],
): Promise<CallerTrace> {
  const warn = (sentence: string): void => output.warn(sentence);
  const caller = await CallerTrace.start({ environment, debug, baggage, warn });
  defer(() => caller.flush(signal.aborted ? INTERRUPTED_FLUSH_MS : undefined));
  return caller;
}
