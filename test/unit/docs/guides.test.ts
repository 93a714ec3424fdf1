import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = new URL('../../../', import.meta.url);
/** A fence of a guide that names the file whose text it is. */
const FENCE = /^```ts (test\/\S+)\n([\s\S]*?)^```$/gm;

async function snippetsOf(page: string): Promise<[file: string, text: string][]> {
  const text = await readFile(new URL(page, ROOT), 'utf8');
  return [...text.matchAll(FENCE)].map(([, file = '', snippet = '']) => [file, snippet]);
}

/** The files run with the other tests, or the compiler checks them. Guides say `./operations` where the tree has them elsewhere. */
it.each(['docs/TESTING.md', 'docs/TYPES.md'])(
  'each snippet of %s that names a file is its text',
  async (page) => {
    const snippets = await snippetsOf(page);
    expect(snippets.length).toBeGreaterThan(0);
    for (const [file, snippet] of snippets) {
      const source = await readFile(new URL(file, ROOT), 'utf8');
      expect(snippet, file).toBe(source);
    }
  },
);

it('the snippet for node:test runs with node --test', async () => {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...environment } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', 'test/guides/greet.node.ts'], {
    cwd: ROOT,
    env: environment,
  });
  expect(stdout).toMatch(/pass 1$/m);
});
