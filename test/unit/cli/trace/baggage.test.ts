import { ROOT_CONTEXT } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { parseBaggagePair, withBaggage } from '../../../../cli/trace/baggage.ts';
import { extract, fromRecord, inject } from '../../../../shared/propagation/index.ts';

describe('--baggage key=value', () => {
  it.each([
    ['user=ada', { key: 'user', value: 'ada' }],
    ['empty=', { key: 'empty', value: '' }],
    ['query=a=b&c=d', { key: 'query', value: 'a=b&c=d' }],
    ['text= ä, "b";c\n', { key: 'text', value: ' ä, "b";c\n' }],
    ['__proto__=x', { key: '__proto__', value: 'x' }],
  ])('%j is a pair', (text, pair) => {
    expect(parseBaggagePair(text)).toEqual(pair);
  });

  it.each(['', 'user', '=ada', 'us er=ada', 'nämé=ada', 'a,b=c', 'a\r\nb=c'])('%j is refused', (text) => {
    expect(parseBaggagePair(text)).toBeUndefined();
  });
});

describe('the baggage of a submission', () => {
  it('is encoded, so that no value can end its header or its entry', () => {
    const { baggage } = inject(withBaggage(ROOT_CONTEXT, [{ key: 'k', value: 'a,b;c=d\r\nx: ä' }]));
    expect(baggage).toBe('k=a%2Cb%3Bc%3Dd%0D%0Ax:%20%C3%A4');
  });

  it('keeps the entries of the environment, and replaces those with the same key', () => {
    const { context } = extract(fromRecord({ baggage: 'a=1;meta,b=2' }));
    const pairs = [
      { key: 'b', value: '3' },
      { key: 'c', value: '4' },
    ];
    expect(inject(withBaggage(context, pairs)).baggage).toBe('a=1;meta,b=3,c=4');
  });

  it('is refused when an entry would not fit into the header', () => {
    const large = [{ key: 'k', value: 'ä'.repeat(2_000) }];
    expect(() => withBaggage(ROOT_CONTEXT, large)).toThrow('does not fit');
    const many = Array.from({ length: 65 }, (_, index) => ({ key: `k${index}`, value: '' }));
    expect(() => withBaggage(ROOT_CONTEXT, many)).toThrow('does not fit');
    expect(inject(withBaggage(ROOT_CONTEXT, many.slice(1))).baggage?.split(',')).toHaveLength(64);
  });
});
