import { type Baggage, type Context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { extract, fromRecord, inject } from '../../shared/propagation/index.ts';
import { CliError } from '../cli-error.ts';

/** One `--baggage key=value`, the value not encoded. */
export interface BaggagePair {
  readonly key: string;
  readonly value: string;
}

/**
 * Reads `key=value`; the value may hold anything, `=` too, and be empty.
 * @returns undefined when it is none, or when the key is no token (W3C Baggage, section 3.3.1.1)
 */
export function parseBaggagePair(text: string): BaggagePair | undefined {
  const equals = text.indexOf('=');
  if (equals < 1) return undefined;
  const key = text.slice(0, equals);
  // What may be a key, only the propagation module says: it leaves out what may not.
  const { baggage } = inject(withEntries([{ key, value: '' }], ROOT_CONTEXT));
  return baggage === undefined ? undefined : { key, value: text.slice(equals + 1) };
}

/**
 * The context with the pairs in its baggage; they replace entries of the same key.
 * @throws CliError `usage-invalid` when all of it does not fit into one header: none may get lost in silence
 */
export function withBaggage(context: Context, pairs: readonly BaggagePair[]): Context {
  if (pairs.length === 0) return context;
  const full = withEntries(pairs, context);
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
