import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../../', import.meta.url);
const page = await readFile(new URL('docs/GUARANTEES.md', ROOT), 'utf8');
const rows = [...page.matchAll(/^\| ([A-Z][0-9]+) \| [^|]+ \| (.+) \|$/gm)].map(
  ([, id = '', where = '']) => ({
    id,
    where,
    files: [...where.matchAll(/`(test\/[^`]+\.ts)`/g)].map(([, file = '']) => file),
  }),
);

describe('docs/GUARANTEES.md', () => {
  it('has every row of the catalogue once', () => {
    const numbered = (letter: string, last: number): string[] =>
      Array.from({ length: last }, (_, index) => `${letter}${index + 1}`);
    const wanted = [
      ...numbered('E', 15),
      ...numbered('N', 17),
      'S3',
      ...numbered('W', 18),
      ...numbered('T', 3),
      ...numbered('C', 4),
      ...numbered('A', 33),
      ...numbered('Q', 14),
    ];
    expect(rows.map(({ id }) => id)).toEqual(wanted);
  });

  it.each(rows.filter(({ where }) => where.startsWith('`')))(
    '$id is named where it says',
    async ({ id, files }) => {
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) {
        const text = await readFile(new URL(file, ROOT), 'utf8');
        expect(text, file).toMatch(new RegExp(`['\`(, ]${id}[:,) ]`));
      }
    },
  );

  it('has a test for every row but these', () => {
    const untested = rows.filter(({ where }) => !where.startsWith('`')).map(({ id }) => id);
    expect(untested).toEqual(['W2', 'W9', 'T1', 'C2']);
  });
});
