import { copyFile, link, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import path from 'node:path';

/**
 * Copies a project with its installed packages. The files of the packages become links to the same files, which takes much
 * less time than an install: nothing may change them in place. npm does not, it replaces packages.
 * @param to a folder that is empty or does not exist
 */
export async function copyProject(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const { name } of await readdir(from, { withFileTypes: true }))
    if (name === 'node_modules') await linkPackages(path.join(from, name), path.join(to, name));
    else await copyFile(path.join(from, name), path.join(to, name));
}

async function linkPackages(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) await linkPackages(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    // npm writes its own list of what is installed in place.
    else if (entry.name === '.package-lock.json') await copyFile(source, target);
    else await link(source, target);
  }
}
