import { describe, expect, it } from 'vitest';
import { OrphanSearch, orphansOf } from '../../../../cli/verify/orphans.ts';
import { idOf, span } from './spans.ts';

const signal = new AbortController().signal;
const consumer = span(2, 1, { kind: 'CONSUMER' });

describe('an orphan', () => {
  it('is a CONSUMER span that has ended, and whose parent is not there', () => {
    const later = 2_000;
    expect(orphansOf([consumer], later)).toMatchObject([{ spanId: idOf(2), parentSpanId: idOf(1) }]);
    expect(orphansOf([consumer, span(1)], later)).toEqual([]);
    expect(orphansOf([span(3, 1), span(4, undefined, { kind: 'CONSUMER' })], later)).toEqual([]);
    expect(orphansOf([consumer], 1_005)).toEqual([]);
  });

  it('is told once, and not of a trace that the store gives only in part', async () => {
    let isPartial = true;
    const store = {
      name: 'a store',
      read: async () => ({ spans: [consumer], isPartial }),
      recent: async () => [consumer.traceId],
    };
    const search = new OrphanSearch(store, 0);
    expect(await search.next(signal)).toEqual([]);
    isPartial = false;
    expect(await search.next(signal)).toMatchObject([{ spanId: idOf(2) }]);
    expect(await search.next(signal)).toEqual([]);
  });
});
