import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { keptEdge } from '../../../dev/edge/kept-build.ts';
import { scratchFolder } from '../../support/cleanup.ts';

let folder: string;
let entry: string;

beforeEach(async () => {
  folder = await scratchFolder();
  entry = path.join(folder, 'worker.ts');
  vi.stubEnv('THROUGHLINE_CACHE_DIR', path.join(folder, 'cache'));
  await writeFile(
    entry,
    "import { text } from './text.ts';\nexport default { fetch: () => new Response(text) };\n",
  );
  // Wrangler looks for its settings beside the entry point.
  await writeFile(path.join(folder, 'wrangler.toml'), 'name = "small"\ncompatibility_date = "2026-10-20"\n');
  await write('first');
});
afterEach(() => void vi.unstubAllEnvs());

const write = (text: string): Promise<void> =>
  writeFile(path.join(folder, 'text.ts'), `export const text = '${text}';\n`);

async function built(): Promise<string> {
  const { scriptPath, compatibility } = await keptEdge(path.join(folder, 'out'), entry);
  expect(compatibility.flags).toContain('nodejs_compat');
  return await readFile(scriptPath, 'utf8');
}

/** Changes what is kept, so that a test sees whether it is taken. */
async function change(from: RegExp | string, to: string): Promise<void> {
  const [name = ''] = await readdir(path.join(folder, 'cache/edge'));
  const file = path.join(folder, 'cache/edge', name);
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll(from, to));
}

it('a bundle is built once, and again when a file that is in it has changed', async () => {
  expect(await built()).toContain('first');
  await change('first', 'kept');
  expect(await built()).toContain('kept');
  await write('second');
  expect(await built()).toContain('second');
  expect(await readdir(path.join(folder, 'cache/edge'))).toHaveLength(1);
});

it('a bundle that was not kept whole is built again, and so is one that cannot be kept', async () => {
  await built();
  await change(/^.*$/g, '{"script":"half');
  expect(await built()).toContain('first');
  vi.stubEnv('THROUGHLINE_CACHE_DIR', path.join(entry, 'no-folder'));
  expect(await built()).toContain('first');
});
