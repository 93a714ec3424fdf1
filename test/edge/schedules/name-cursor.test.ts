import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readNameCursor, writeNameCursor } from '../../../edge/calls/cursors.ts';
import { SCHEDULE_NAME } from '../../../shared/api/schedule-words.ts';

describe('a cursor of schedules', () => {
  it('is read back, is safe in a URL, and does not show the name', () => {
    fc.assert(
      fc.property(fc.stringMatching(SCHEDULE_NAME), (name) => {
        const cursor = writeNameCursor(name);
        expect(cursor).toMatch(/^[A-Za-z0-9_-]{4,120}$/);
        expect(cursor).not.toBe(name);
        expect(readNameCursor(cursor)).toBe(name);
      }),
    );
  });

  it.each(['abc', 'nightly', 'bmlnaHRseQ', 'YWZ0ZXI6', 'YWZ0ZXI6Ki8', 'YWZ0ZXI6bmlnaHRseQ=='])(
    'is not read from %s, which it did not write',
    (text) => {
      expect(readNameCursor(text)).toBeUndefined();
    },
  );
});
