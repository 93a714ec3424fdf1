import { baggageCases } from './cases/baggage.ts';
import { writingCases } from './cases/carrier-writing.ts';
import { carrierCases } from './cases/carriers.ts';
import { inboundCases } from './cases/inbound.ts';
import { propagatorCases } from './cases/propagator.ts';
import { propertyCases } from './cases/properties.ts';
import { traceparentCases } from './cases/traceparent.ts';
import { tracestateCases } from './cases/tracestate.ts';
import type { Case } from './support.ts';

export { results } from './table.ts';

/** All cases of propagation. They run in every runtime. */
export const cases: readonly Case[] = [
  ...traceparentCases,
  ...inboundCases,
  ...tracestateCases,
  ...baggageCases,
  ...carrierCases,
  ...writingCases,
  ...propagatorCases,
  ...propertyCases,
];
