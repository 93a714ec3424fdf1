import { expect, it } from 'vitest';
import { fnv1a } from '../../../shared/fnv1a.ts';

// Published values of FNV-1a, 32 bits.
it.each([
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['foobar', 0xbf9cf968],
])('FNV-1a of %j is the published value', (text, hash) => {
  expect(fnv1a(text)).toBe(hash);
});
