import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAttribute, encodeAttribute } from '../../../../shared/text/event-attribute.ts';

describe('an attribute of a CloudEvent in a header', () => {
  it('is encoded as the example of the binding', () => {
    expect(encodeAttribute('Euro € 😀')).toBe('Euro%20%E2%82%AC%20%F0%9F%98%80');
    expect(encodeAttribute('/shop/a:b=c,d')).toBe('/shop/a:b=c,d');
  });

  it('is visible ASCII, and comes back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(encodeAttribute(text)).toMatch(/^[\x21\x23-\x7e]*$/);
        // Quotes at both ends are encoded, so they are not taken for those of a quoted text.
        expect(decodeAttribute(encodeAttribute(text))).toBe(text.toWellFormed());
      }),
    );
  });

  it.each([
    ['what need not be encoded', 'a%3D1%2cb', 'a=1,b'],
    ['a text in quotes', String.raw`"a \"b\" %20c"`, 'a "b"  c'],
    ['one round of encoding only', 'a%2520b', 'a%20b'],
    ['a percent sign of a writer that does not encode', 'v=100%,w=a%20b', 'v=100%,w=a%20b'],
    ['nothing of bytes that are not UTF-8', '%C0%A0', ''],
  ])('is decoded: %s', (_what, header, value) => {
    expect(decodeAttribute(header)).toBe(value);
  });
});
