import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlaceSeal, SEALED } from '../../../edge/calls/place-seal.ts';

const API_KEYS = new Map([['ci', { hash: 'a'.repeat(64) }]]);
const SETTINGS = { NATS_URL: {}, NATS_TOKEN: 'secret', API_KEYS };
const sequence = fc.nat({ max: 2 ** 48 - 1 });

describe('a place in a stream', () => {
  it('is read by every isolate and bridge with the same settings, in the scope it was made for', async () => {
    await fc.assert(
      fc.asyncProperty(sequence, sequence, fc.string(), async (first, second, scope) => {
        const text = await new PlaceSeal(SETTINGS).seal(scope, first, second);
        expect(text).toMatch(SEALED);
        expect(await new PlaceSeal({ ...SETTINGS }).open(scope, text)).toEqual([first, second]);
        expect(await new PlaceSeal(SETTINGS).open(`${scope}.`, text)).toBeUndefined();
      }),
    );
  });

  it('has one text in its scope, and shows no order', async () => {
    const seal = new PlaceSeal(SETTINGS);
    const texts = await Promise.all(Array.from({ length: 200 }, (_, index) => seal.seal('a', index)));
    expect(await seal.seal('a', 7)).toBe(texts[7]);
    expect(new Set(texts).size).toBe(200);
    const first = texts.map((text) => text.slice(0, 2));
    expect(new Set(first).size).toBeGreaterThan(100);
  });

  it('cannot be made up, nor read with other secrets', async () => {
    const seal = new PlaceSeal(SETTINGS);
    const text = await seal.seal('a', 7);
    for (const made of ['', '7', 'A'.repeat(22), `${text}A`, text.slice(1), '0'.repeat(22)])
      expect(await seal.open('a', made)).toBeUndefined();
    for (const other of [{ NATS_TOKEN: 'other' }, { NATS_TOKEN: undefined }, { NATS_CREDS: 'x' }])
      expect(await new PlaceSeal({ ...SETTINGS, ...other }).open('a', text)).toBeUndefined();
  });
});
