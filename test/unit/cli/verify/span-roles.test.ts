import { describe, expect, it } from 'vitest';
import { chainOf, descendsFrom, spansOf } from '../../../../cli/verify/examine/span-roles.ts';
import { idOf, span } from './spans.ts';

describe('a span', () => {
  const spans = [span(1, 9), span(2, 1), span(3, 2)];
  const [top = span(0), , leaf = span(0)] = spans;

  it('is below each span on the way up, and below the missing parent of the last one', () => {
    expect([1, 2, 9].map((number) => descendsFrom(spans, leaf, idOf(number)))).toEqual([true, true, true]);
    expect(descendsFrom(spans, leaf, idOf(4))).toBe(false);
    expect(descendsFrom(spans, top, idOf(3))).toBe(false);
    expect(chainOf(spans, leaf)).toMatchObject({ top, lastParentId: idOf(9) });
  });

  it('in a circle of parents has an end too', () => {
    const circle = [span(1, 2), span(2, 1)];
    expect(descendsFrom(circle, circle[0] ?? top, idOf(7))).toBe(false);
  });

  it('has a role by its service, kind, operation and job, and not by its name', () => {
    const attributes = { 'messaging.operation.type': 'process', 'throughline.job.id': 'job-1' };
    const attempt = span(1, undefined, { kind: 'CONSUMER', attributes, name: 'anything' });
    const others = [
      span(2, undefined, { ...attempt, spanId: idOf(2), service: 'shop' }),
      span(3, undefined, { ...attempt, spanId: idOf(3), kind: 'CLIENT' }),
      span(4, undefined, {
        kind: 'CONSUMER',
        attributes: { ...attributes, 'messaging.operation.type': 'receive' },
      }),
    ];
    expect(spansOf([...others, attempt], 'process', 'job-1')).toEqual([attempt]);
    expect(spansOf([attempt], 'process', 'job-2')).toEqual([]);
  });
});
