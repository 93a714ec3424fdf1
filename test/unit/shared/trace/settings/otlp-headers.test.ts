import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseOtlpHeaders } from '../../../../../shared/trace/settings/otlp-headers.ts';

describe('OTEL_EXPORTER_OTLP_HEADERS', () => {
  it.each<[string, Record<string, string>]>([
    ['', {}],
    ['api-key=secret', { 'api-key': 'secret' }],
    ['a=1,b=2', { a: '1', b: '2' }],
    [' a = 1 , b = 2 ', { a: '1', b: '2' }],
    ['authorization=Basic%20dTpw', { authorization: 'Basic dTpw' }],
    ['a=b=c==', { a: 'b=c==' }],
    ['a=', { a: '' }],
    ['a=1,,b', { a: '1' }],
    ['=1', {}],
    ['a=100%', { a: '100%' }],
  ])('reads %j as %j', (text, headers) => {
    expect(parseOtlpHeaders(text)).toEqual(headers);
  });

  it('never throws and never changes a prototype', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '=', ',', '%', '2', ' ', '\n') }), (text) => {
        expect(Object.values(parseOtlpHeaders(text)).every((value) => typeof value === 'string')).toBe(true);
      }),
    );
    expect(Object.getPrototypeOf(parseOtlpHeaders('__proto__=x'))).toBe(Object.prototype);
  });
});
