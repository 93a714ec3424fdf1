import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';

const STOP_SIGNAL = new URL('../../../worker-node/stop-signal.ts', import.meta.url).href;

it('a signal that comes more than a second after the first ends the process, also if code of an author listens to signals and throws', async () => {
  const program = `
    import { untilStopSignal } from ${JSON.stringify(STOP_SIGNAL)};
    setInterval(() => undefined, 1_000);
    process.on('uncaughtException', () => undefined);
    process.on('SIGTERM', () => { throw new Error('odd'); });
    const stopped = untilStopSignal(() => process._rawDebug('the second one'));
    process.kill(process.pid, 'SIGTERM');
    await stopped;
    setInterval(() => process.kill(process.pid, 'SIGTERM'), 100);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const text = child.stderr.setEncoding('utf8').toArray();
  expect(await once(child, 'exit')).toEqual([1, null]);
  expect((await text).join('')).toBe('the second one\n');
});
