import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { lockFolder } from '../../../../dev/machine/folder-lock.ts';
import { scratchFolder } from '../../../support/cleanup.ts';

const MODULE = fileURLToPath(new URL('../../../../dev/machine/folder-lock.ts', import.meta.url));
const newFolder = async (): Promise<string> => path.join(await scratchFolder(), 'kept');

/** Another process that has the folder. */
async function holder(folder: string) {
  const script = `const { lockFolder } = await import(${JSON.stringify(MODULE)});
    await lockFolder(${JSON.stringify(folder)});
    process.stdout.write('held');
    setInterval(() => undefined, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

it('a folder that another process has is refused, until that process ends, however it ends', async () => {
  const folder = await newFolder();
  const other = await holder(folder);
  await expect(lockFolder(folder)).rejects.toThrow(`${folder} is in use by another stack`);
  await expect(lockFolder(`${folder}/../kept/`)).rejects.toThrow('is in use by another stack');
  other.kill('SIGKILL');
  await once(other, 'exit');
  await (await lockFolder(folder))();
});

it('a folder that was given back can be taken again', async () => {
  const folder = await newFolder();
  await (await lockFolder(folder))();
  await (await lockFolder(folder))();
});

it.skipIf(!existsSync('/proc/self'))('a folder that cannot be made is refused with its name', async () => {
  await expect(lockFolder('/proc/kept')).rejects.toMatchObject({
    code: 'config-invalid',
    message: '/proc/kept cannot be made: its file system takes no new folders',
  });
});

it('a folder without a name is refused, as a variable that is not set gives it', async () => {
  await expect(lockFolder('')).rejects.toThrow('the folder to keep has no name');
});
