import { extract, inject } from '../../shared/propagation/index.ts';
import { BAD as BAD_BAGGAGE, GOOD as GOOD_BAGGAGE } from './cases/baggage.ts';
import { BAD as BAD_PARENTS, GOOD as GOOD_PARENTS } from './cases/traceparent.ts';
import { BAD as BAD_STATES, CUT as CUT_STATES, GOOD as GOOD_STATES } from './cases/tracestate.ts';
import { entriesOf, type Headers, reader, TRACEPARENT } from './support.ts';

const rows: Headers[] = [
  ...[...GOOD_PARENTS, ...BAD_PARENTS].map(([, traceparent]) => ({
    traceparent,
    tracestate: 'a=1',
    baggage: 'k=v',
  })),
  ...[...GOOD_STATES, ...BAD_STATES, ...CUT_STATES].map(([, tracestate]) => ({
    traceparent: TRACEPARENT,
    tracestate,
  })),
  ...[...GOOD_BAGGAGE, ...BAD_BAGGAGE].map(([, baggage]) => ({ traceparent: TRACEPARENT, baggage })),
  // Every octet, raw and encoded, alone and before another one: decoders and regular expressions may differ there.
  ...Array.from({ length: 256 }, (_, octet) => {
    const encoded = `%${octet.toString(16).padStart(2, '0')}`;
    const raw = String.fromCharCode(octet);
    const baggage = [
      `a=${encoded}`,
      `b=${encoded}%80`,
      `c=%e2${encoded}%ac`,
      `d=${raw}`,
      `e${raw}=1`,
      `f=1;p${raw}`,
    ];
    return { traceparent: `00-${raw}${TRACEPARENT.slice(4)}`, tracestate: `a=b${raw}c`, baggage };
  }),
];

/** All outputs of the module for the table, as JSON. The runtimes must agree on every character. */
export function results(): unknown {
  return rows.map((row) => {
    const { context, outcome, reason, spanContext, dropped } = extract(reader(row));
    const state = spanContext?.traceState?.serialize();
    return JSON.parse(
      JSON.stringify({
        outcome,
        reason,
        spanContext,
        state,
        dropped,
        entries: entriesOf(context),
        sent: inject(context),
      }),
    );
  });
}
