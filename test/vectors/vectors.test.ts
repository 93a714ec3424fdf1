import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { vectors } from './vectors.ts';

it.each(Object.entries(await vectors()))(
  '%s says what the code does; if you meant to change it, run npm run vectors',
  async (name, content) => {
    const written: unknown = JSON.parse(await readFile(new URL(name, import.meta.url), 'utf8'));
    expect(written).toEqual(JSON.parse(JSON.stringify(content)));
  },
);
