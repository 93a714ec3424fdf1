import { copyFile, cp, link, mkdir, readdir, readlink, stat, symlink } from 'node:fs/promises';
import path from 'node:path';

/**
 * Copies a file or a folder. The files in `node_modules` become links to the same files, which takes much less time than a copy
 * or an install: nothing may change them in place. npm does not, it replaces packages.
 * @param to where it is put; a file that is there is replaced, unless it is in `node_modules`
 */
export async function copyTree(from: string, to: string): Promise<void> {
  const isFolder = (await stat(from)).isDirectory();
  if (!isFolder) await cp(from, to, { force: true });
  else if (path.basename(from) === 'node_modules') await linkPackages(from, to);
  else {
    await mkdir(to, { recursive: true });
    for (const entry of await readdir(from, { withFileTypes: true })) {
      const source = path.join(from, entry.name);
      const target = path.join(to, entry.name);
      if (entry.isSymbolicLink()) await cp(source, target, { force: true, verbatimSymlinks: true });
      else await copyTree(source, target);
    }
  }
}

async function linkPackages(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name);
    const target = path.join(to, entry.name);
    if (entry.isDirectory()) await linkPackages(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    // npm writes its own list of what is installed in place.
    else if (entry.name === '.package-lock.json') await copyFile(source, target);
    else await link(source, target);
  }
}
