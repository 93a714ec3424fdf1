import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jobIdFor } from '../../../edge/http/requests/job-id.ts';
import { isToken } from '../../../shared/wire/subjects.ts';
import { refusalOf } from '../../unit/support.ts';

describe('the id of a job', () => {
  it('is a UUID that sorts by time, and never the same twice', async () => {
    const ids = await Promise.all(Array.from({ length: 1_000 }, () => jobIdFor('acme', undefined)));
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('with an idempotency key is the same each time, and fit for a subject', async () => {
    const visible = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 255,
    });
    await fc.assert(
      fc.asyncProperty(visible, async (key) => {
        // A pair of quotes around nothing is an empty structured-field string.
        fc.pre(key !== '""');
        const id = await jobIdFor('acme', key);
        expect(await jobIdFor('acme', key)).toBe(id);
        expect(isToken(id)).toBe(true);
      }),
    );
  });

  it('with an idempotency key differs by key and by tenant', async () => {
    const ids = await Promise.all([
      jobIdFor('acme', 'one'),
      jobIdFor('acme', 'two'),
      jobIdFor('globex', 'one'),
      jobIdFor('acme', 'ONE'),
    ]);
    expect(new Set(ids).size).toBe(4);
  });

  it('is the same for a key in quotes, as the IETF draft has it, and a bare one', async () => {
    expect(await jobIdFor('acme', '"order-7"')).toBe(await jobIdFor('acme', 'order-7'));
  });

  it.each([
    ['nothing', ''],
    ['nothing in quotes', '""'],
    ['a blank', ' '],
    ['blanks inside', 'order 7'],
    ['256 characters', 'x'.repeat(256)],
    ['10 kB', 'x'.repeat(10_000)],
    ['an emoji', '🧵'],
    ['a letter beyond ASCII', 'ü'],
    ['a line break', 'a\r\nb'],
    ['a line feed at the end', 'a\n'],
    ['NUL', 'a\0'],
  ])('is not made of a key with %s', async (_what, key) => {
    const error = await refusalOf(() => jobIdFor('acme', key));
    expect(error).toMatchObject({ code: 'request-invalid', status: 400 });
    expect(error.message).toContain('Idempotency-Key');
  });
});
