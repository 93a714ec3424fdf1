import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The top folders that the files of `folder` import. Types and dynamic imports do not count: only some commands need those. */
async function importedBy(folder: string): Promise<string[]> {
  const folders: string[] = [];
  for await (const file of glob(`${folder}/**/*.ts`, { cwd: ROOT })) {
    const source = await readFile(path.join(ROOT, file), 'utf8');
    for (const [, imported = ''] of source.matchAll(/^(?:import|export) (?!type )[^;]*? from '(\.[^']+)'/gm))
      folders.push(path.join(path.dirname(file), imported).split(path.sep)[0] ?? '');
  }
  return folders;
}

it('the image of a worker has every folder that its code imports', async () => {
  const dockerfile = await readFile(path.join(ROOT, 'deploy/worker/Dockerfile'), 'utf8');
  const copied = [...dockerfile.matchAll(/^COPY ([a-z-]+) \.\/\1$/gm)].map(([, folder = '']) => folder);
  expect(copied).toContain('cli');
  const imported = new Set((await Promise.all(copied.map(importedBy))).flat());
  imported.delete('package.json');
  expect([...imported].toSorted()).toEqual(copied.toSorted());
});
