import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

export const API = new URL('../../../../../worker-node/index.ts', import.meta.url).href;
export const SCHEMA = "{ '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }";

/** The text of a module that defines operations with these names. */
export const moduleOf = (...names: string[]): string =>
  [
    `import { defineOperation } from ${JSON.stringify(API)};`,
    ...names.map(
      (name, index) =>
        `export const op${index} = defineOperation({ name: '${name}', input: ${SCHEMA}, run: () => null });`,
    ),
  ].join('\n');

/** Makes a folder with files; it ends with the test. */
export async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'throughline-operations-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  return folder;
}
