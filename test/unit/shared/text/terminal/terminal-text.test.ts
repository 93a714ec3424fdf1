import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth, pad, truncate } from '../../../../../shared/text/terminal/terminal-text.ts';

describe('the width of a text in a terminal', () => {
  it.each([
    ['abc', 3],
    ['日本', 4],
    ['e\u0301', 1],
    ['👩‍👩‍👧', 2],
    ['', 0],
  ])('of %j is %i', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe('a text that is cut', () => {
  it.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 5, 'abcd…'],
    ['日本語', 4, '日…'],
    ['👩‍👩‍👧 family', 3, '👩‍👩‍👧…'],
    ['👩‍👩‍👧 family', 2, '…'],
    ['abc', 0, ''],
  ])('%j to %i columns is %j', (text, width, cut) => {
    expect(truncate(text, width)).toBe(cut);
  });

  it('or filled has exactly the width that was asked for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        expect(displayWidth(pad(text, width))).toBe(width);
      }),
    );
  });
});
