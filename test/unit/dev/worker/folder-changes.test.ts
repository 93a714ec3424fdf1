import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { FolderChanges } from '../../../../dev/worker/folder-changes.ts';
import { scratchFolder } from '../../../support/cleanup.ts';

async function watched() {
  const folder = await scratchFolder();
  const inside = (...names: string[]): string => path.join(folder, ...names);
  await writeFile(inside('a.ts'), 'one');
  const changes = await FolderChanges.of(folder);
  return { folder, inside, changes, next: () => changes.next(new AbortController().signal) };
}

it('each save that puts a new file in the place of the old one is a change, even with the same text', async () => {
  const { inside, next } = await watched();
  for (let save = 0; save < 3; save++) {
    await writeFile(inside('.a.ts.next'), 'one');
    await rename(inside('.a.ts.next'), inside('a.ts'));
    await next();
  }
});

it('a new file, a new folder with a file, a write in it, a deleted file and a renamed folder are changes', async () => {
  const { inside, next } = await watched();
  await writeFile(inside('b.ts'), '');
  await next();
  await mkdir(inside('new/deep'), { recursive: true });
  await writeFile(inside('new/deep/c.ts'), '');
  await next();
  await writeFile(inside('new/deep/c.ts'), 'more');
  await next();
  await rm(inside('a.ts'));
  await next();
  await rename(inside('new'), inside('newer'));
  await next();
});

it('a folder that goes and comes back is two changes', async () => {
  const { folder, inside, next } = await watched();
  await rename(folder, `${folder}-away`);
  await next();
  await rename(`${folder}-away`, folder);
  await next();
  await writeFile(inside('a.ts'), 'two');
  await next();
});

it('node_modules, names that begin with a dot, and folders without files are no change; a link to a folder above ends', async () => {
  const { inside, changes, next } = await watched();
  for (const name of ['node_modules', '.git', 'empty']) await mkdir(inside(name));
  for (const name of ['node_modules/a.js', '.git/HEAD', '.a.ts.swp']) await writeFile(inside(name), 'x');
  await symlink('..', inside('empty/.up'));
  // It looks once.
  await expect(changes.next(AbortSignal.abort(new Error('no change')))).rejects.toThrow('no change');
  await symlink('..', inside('empty/up'));
  await next();
});
