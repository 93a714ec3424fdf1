import { describe, expect, it } from 'vitest';
import { clockFaults } from '../../../../cli/verify/examine/examine-values.ts';
import type { SpanRecord } from '../../../../shared/trace/span-record.ts';
import { span, TRACE } from './spans.ts';

const SENT_AT = 1_000_000;
const READ_AT = 1_004_000;

/** The faults of a canary without jobs, whose spans are these. */
function faultsOf(...spans: SpanRecord[]): string[] {
  const sent = {
    canary: { name: 'plain', checks: '' },
    caller: { carrier: {}, traceId: TRACE, spanId: '', mark: '' },
    jobs: [],
    isAnswered: false,
    wasInOutbox: false,
    sentAt: SENT_AT,
  };
  const evidence = { sent, own: { spans, isPartial: false }, elsewhere: [], readAt: READ_AT };
  return clockFaults(evidence).map(({ found }) => found);
}

describe('the clock of a service', () => {
  it.each([SENT_AT - 4_900, SENT_AT, READ_AT, READ_AT + 4_900])(
    'is right if its spans start at %i',
    (startMs) => {
      expect(faultsOf(span(1, undefined, { startMs }))).toEqual([]);
    },
  );

  it.each([
    [SENT_AT - 600_000, 'about 10 minutes before'],
    [READ_AT + 600_000, 'about 10 minutes after'],
    [SENT_AT - 30_000, 'about 30 s before'],
  ])('is off if a span starts at %i', (startMs, words) => {
    expect(faultsOf(span(1, undefined, { startMs }), span(2, undefined, { startMs }))).toEqual([
      expect.stringContaining(`the spans of throughline-worker are ${words}`),
    ]);
  });
});
