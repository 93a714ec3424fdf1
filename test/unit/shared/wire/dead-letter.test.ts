import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DeadLetterReason,
  readDeadLetterReason,
  writeDeadLetterReason,
} from '../../../../shared/wire/dead-letter.ts';
import { valuesOf, written } from './headers.ts';

const again = (reason: DeadLetterReason): DeadLetterReason =>
  readDeadLetterReason(valuesOf(written((set) => writeDeadLetterReason(reason, set))));

describe('the reason of a dead letter', () => {
  it('is read as it was written, with line breaks and letters of any language', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.nat(), (text, attempts) => {
        const reason = {
          code: 'operation-failed',
          attempts: attempts % 1_000,
          message: text,
          detail: `${text}\n${text}`,
        };
        expect(again(reason)).toEqual(reason);
      }),
    );
  });

  it.each(['x', '\n', 'ü', '\u0000', '😀'])('fits into a header: %j, a million times', (character) => {
    const text = character.repeat(1_000_000);
    const headers = written((set) =>
      writeDeadLetterReason({ code: 'a', attempts: 1, message: text, detail: text }, set),
    );
    for (const value of headers.values()) expect(value).toMatch(/^[\x20-\x7e]{1,8000}$/);
    expect(again({ code: 'a', attempts: 1, detail: text }).detail).toMatch(/…$/);
  });

  it('is empty if there is none', () => {
    expect(again({ code: '', attempts: 0 })).toEqual({
      code: '',
      attempts: 0,
      message: undefined,
      detail: undefined,
    });
    expect(readDeadLetterReason(() => ['{'])).toEqual({
      code: '{',
      attempts: 0,
      message: undefined,
      detail: undefined,
    });
  });
});
