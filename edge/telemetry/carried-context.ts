import { type Context, context } from '@opentelemetry/api';
import { type Carrier, extract, fromRecord } from '../../shared/propagation/index.ts';

/** The active context, in the trace that a carrier names and with its baggage. */
export function carriedContext(carrier: Carrier): Context {
  return extract(fromRecord(carrier), context.active()).context;
}
