import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { scratchFolder } from '../../support/cleanup.ts';

const MODULE = fileURLToPath(new URL('../../../dev/machine/guard.ts', import.meta.url));

interface Told {
  readonly released: number;
  /** The programs that were started. */
  readonly programs: readonly string[];
}

/**
 * Another process, with three guarded processes and one that is released. The guarded ones hold its standard output: that
 * ends when the process and all of them have ended.
 */
async function guarding(directory: string) {
  const script = `
    import { spawn } from 'node:child_process';
    import { subscribe } from 'node:diagnostics_channel';
    const { guardProcess } = await import(${JSON.stringify(MODULE)});
    const programs = [];
    subscribe('child_process', ({ process }) => process.once('spawn', () => programs.push(process.spawnfile)));
    const start = (output) => spawn('sleep', ['600'], { detached: true, stdio: ['ignore', output, 'ignore'] });
    const released = start('ignore');
    const guard = guardProcess(released.pid);
    guardProcess(start('inherit').pid, ${JSON.stringify(directory)});
    guardProcess(start('inherit').pid);
    guard.release();
    guardProcess(start('inherit').pid);
    setTimeout(() => console.log(JSON.stringify({ released: released.pid, programs })), 0);
    setInterval(() => undefined, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child.stdout, 'end');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const told = JSON.parse(line) as Told;
  onTestFinished(() => void process.kill(told.released, 'SIGKILL'));
  return { ...told, ended, child };
}

it.each(['SIGKILL', 'SIGTERM'] as const)(
  'guarded processes end with a process that %s ends, their folder is gone, and a released one runs on',
  async (signal) => {
    const folder = path.join(await scratchFolder(), 'with a space', 'and "quotes" \\n $HOME');
    await mkdir(path.join(folder, 'sub'), { recursive: true });
    const { child, ended, released } = await guarding(folder);
    child.kill(signal);
    await ended;
    // The folder goes after its process, and others may end in between.
    await expect
      .poll(() =>
        mkdir(folder).then(
          () => 'gone',
          () => 'there',
        ),
      )
      .toBe('gone');
    expect(process.kill(released, 0)).toBe(true);
  },
);

it('one shell guards all processes of a process', async () => {
  const { programs } = await guarding(await scratchFolder());
  expect(programs.toSorted()).toEqual(['sh', 'sleep', 'sleep', 'sleep', 'sleep']);
});
