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
    console.log('stopping');`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const text = child.stderr.setEncoding('utf8').toArray();
  await once(child.stdout, 'data');
  const again = setInterval(() => child.kill('SIGTERM'), 100);
  onTestFinished(() => clearInterval(again));
  expect(await once(child, 'exit')).toEqual([1, null]);
  expect((await text).join('')).toBe('the second one\n');
});

it('a signal that the process sends itself begins the stop, and does nothing once it has begun', async () => {
  const program = `
    import { kill } from 'node:process';
    import { ignoreOwnSignals, untilStopSignal } from ${JSON.stringify(STOP_SIGNAL)};
    setInterval(() => undefined, 1_000);
    ignoreOwnSignals();
    const { pid, kill: kept } = process;
    const stopped = untilStopSignal(() => process._rawDebug('the second one'));
    // As a library does that has closed what it had open. A second signal counts after a second.
    process.once('SIGTERM', () => {
      const began = performance.now();
      setInterval(() => {
        for (const send of [kill, kept, process.kill]) for (const signal of [undefined, null, 'SIGTERM', 15, 'SIGINT']) send(pid, signal);
        if (performance.now() - began < 1_500) return;
        process._rawDebug('still there: ' + kill(pid, 0));
        process.exit(0);
      }, 100);
    });
    kill(pid, 'SIGTERM');
    await stopped;`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const text = child.stderr.setEncoding('utf8').toArray();
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect((await text).join('')).toBe('still there: true\n');
});
