import { existsSync } from 'node:fs';
import { chmod, glob, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from '../../../create/make-folder.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'make-folder-'));
});
afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

describe('makeFolder', () => {
  it('makes a folder and all that are missing above it, with the rights that were asked for', async () => {
    const folder = path.join(home, 'a/b/c');
    await makeFolder(folder, { mode: 0o700 });
    for (const made of ['a', 'a/b', 'a/b/c'])
      expect((await stat(path.join(home, made))).mode & 0o777).toBe(0o700);
  });

  it('leaves a folder that is there, even one behind a link', async () => {
    await mkdir(path.join(home, 'there'), { mode: 0o755 });
    await symlink(path.join(home, 'there'), path.join(home, 'link'));
    await makeFolder(path.join(home, 'there'), { mode: 0o700 });
    await makeFolder(path.join(home, 'link'));
    await makeFolder('/');
    expect((await stat(path.join(home, 'there'))).mode & 0o777).toBe(0o755);
  });

  it('makes one folder for several that ask at once', async () => {
    const folder = path.join(home, 'x/y/z');
    await Promise.all(Array.from({ length: 8 }, () => makeFolder(folder)));
    expect(existsSync(folder)).toBe(true);
  });

  it('makes a folder also if somebody makes the one above it meanwhile', async () => {
    for (let round = 0; round < 50; round++) {
      const above = path.join(home, String(round));
      await Promise.all([makeFolder(path.join(above, 'below')), makeFolder(above)]);
      expect(existsSync(path.join(above, 'below'))).toBe(true);
    }
  });

  it('fails where a file is in the way', async () => {
    await writeFile(path.join(home, 'file'), '');
    await expect(makeFolder(path.join(home, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolder(path.join(home, 'file/below/it'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('fails at a link that leads to nothing', async () => {
    await symlink(path.join(home, 'gone'), path.join(home, 'link'));
    await expect(makeFolder(path.join(home, 'link'))).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it.skipIf(process.getuid?.() === 0)('fails in a folder that this user may not change', async () => {
    await chmod(home, 0o500);
    await expect(makeFolder(path.join(home, 'a/b'))).rejects.toMatchObject({ code: 'EACCES' });
  });

  it.skipIf(!existsSync('/proc/self'))('ends where a file system takes no folders, as /proc', async () => {
    await expect(makeFolder('/proc/x')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(makeFolder('/proc/x/y/z')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

it('is what every program uses in place of `recursive`, which may never end', async () => {
  const found: string[] = [];
  for await (const file of glob('{cli,create,dev,shared,testing,worker-node}/**/*.ts'))
    if (/mkdir(?:Sync)?\([^)]*recursive/s.test(await readFile(file, 'utf8'))) found.push(file);
  expect(found).toEqual([]);
});
