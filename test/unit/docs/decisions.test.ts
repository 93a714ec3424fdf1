import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const DOCS = new URL('../../../docs/', import.meta.url);
const PARTS = ['Context', 'Choice', 'Consequence'];

const files = readdirSync(new URL('decisions/', DOCS));

it.each(files)(
  'each note of decisions/%s has a context, a choice and a consequence, in this order',
  (file) => {
    const [, ...notes] = readFileSync(new URL(`decisions/${file}`, DOCS), 'utf8').split(/^## /m);
    expect(notes.length).toBeGreaterThan(0);
    for (const note of notes) {
      const parts = [...note.matchAll(/^\*\*(Context|Choice|Consequence)\.\*\*/gm)].map(([, part]) => part);
      // A table that belongs to the notes around it has none of them.
      if (parts.length > 0) expect({ note: note.split('\n', 1)[0], parts }).toMatchObject({ parts: PARTS });
    }
  },
);

it('docs/ARCHITECTURE.md lists all decisions', () => {
  const page = readFileSync(new URL('ARCHITECTURE.md', DOCS), 'utf8');
  const listed = [...page.matchAll(/^- \[.+\]\(decisions\/(.+)\)$/gm)].map(([, file]) => file);
  expect(listed.toSorted()).toEqual(files.toSorted());
});
