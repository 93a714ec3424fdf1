import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';

const STOP_SIGNAL = new URL('../../../../shared/processes/stop-signal.ts', import.meta.url).href;

/** A program that gets a signal, and does something when it has been told. @returns its exit code and the signal that ended it */
async function endOf(then: string, onSecond = 'undefined'): Promise<unknown> {
  const program = `
    import { setImmediate, setTimeout } from 'node:timers/promises';
    import { stopSignal } from ${JSON.stringify(STOP_SIGNAL)};
    // A listener of signals keeps no program running.
    globalThis.setInterval(() => undefined, 1_000);
    const stopped = stopSignal(process, ['SIGINT', 'SIGTERM'], ${onSecond});
    process.kill(process.pid, 'SIGINT');
    await stopped;
    ${then}
    process.kill(process.pid, 'SIGINT');
    for (let turn = 0; turn < 10; turn++) await setImmediate();
    process.exit(7);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' });
  return await once(child, 'exit');
}

it('a signal that comes again at once is the same one: the program ends in order', async () => {
  expect(await endOf('')).toEqual([7, null]);
});

it('a signal that comes again later ends the program', async () => {
  expect(await endOf(`while (process.listenerCount('SIGINT') > 0) await setTimeout(10);`)).toEqual([
    null,
    'SIGINT',
  ]);
});

it('a signal that comes again later is for the program, if the program takes it', async () => {
  const later = `globalThis.setInterval(() => process.kill(process.pid, 'SIGTERM'), 20); await new Promise(() => undefined);`;
  expect(await endOf(later, '() => process.exit(3)')).toEqual([3, null]);
});
