import { type Baggage, type Context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { extract, fromRecord, inject } from '../../shared/propagation/index.ts';
import { CliError } from '../cli-error.ts';

/** One `--baggage key=value`. The value is not encoded yet. */
export interface BaggagePair {
  readonly key: string;
  readonly value: string;
}

/**
 * Parses `key=value`. The value may hold any character, also `=`, and may be empty.
 * @returns undefined when there is no `=`, or when the key is not a token (W3C Baggage, section 3.3.1.1)
 */
export function parseBaggagePair(text: string): BaggagePair | undefined {
  const equals = text.indexOf('=');
  if (equals < 1) return undefined;
  const key = text.slice(0, equals);
  // The propagation module knows the rule for keys: it leaves out an entry whose key is not valid.
  const { baggage } = inject(withEntries([{ key, value: '' }], ROOT_CONTEXT));
  return baggage === undefined ? undefined : { key, value: text.slice(equals + 1) };
}

/**
 * Adds the pairs to the baggage of a context. A pair replaces the entry with the same key.
 * @throws CliError `usage-invalid` when not all of the baggage fits into its header
 */
export function withBaggage(context: Context, pairs: readonly BaggagePair[]): Context {
  if (pairs.length === 0) return context;
  const full = withEntries(pairs, context);
  // Injecting leaves out what does not fit, so read back what would be sent and count.
  const sent = extract(fromRecord({ ...inject(full) }), ROOT_CONTEXT).context;
  if (sizeOf(sent) === sizeOf(full)) return full;
  throw new CliError('usage-invalid', 'the baggage does not fit: at most 64 entries and 8192 bytes, encoded');
}

function withEntries(pairs: readonly BaggagePair[], context: Context): Context {
  let baggage: Baggage = propagation.getBaggage(context) ?? propagation.createBaggage();
  for (const { key, value } of pairs) baggage = baggage.setEntry(key, { value });
  return propagation.setBaggage(context, baggage);
}

function sizeOf(context: Context): number {
  return propagation.getBaggage(context)?.getAllEntries().length ?? 0;
}
