import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';

/** Starts a program that listens for signals, and runs on. */
async function listeningProgram(onAbort = '') {
  const interrupt = JSON.stringify(new URL('../../../cli/interrupt.ts', import.meta.url).href);
  const program = `
    const { Interrupt } = await import(${interrupt});
    const { signal } = new Interrupt(({ message }) => process.stderr.write(message));
    signal.addEventListener('abort', async () => { ${onAbort} });
    setInterval(() => undefined, 1_000);
    console.log('runs');`;
  const command = spawn(process.execPath, ['--input-type=module', '-e', program]);
  const stderr = text(command.stderr);
  await once(command.stdout, 'data');
  return { command, stderr };
}

async function exitCodeOf(command: ChildProcess): Promise<unknown> {
  const [code] = await once(command, 'exit');
  return code;
}

it('a command that does not end after SIGTERM is ended, and says why', async () => {
  const { command, stderr } = await listeningProgram();
  command.kill('SIGTERM');
  expect({ code: await exitCodeOf(command), stderr: await stderr }).toEqual({
    code: 143,
    stderr: 'ended by SIGTERM',
  });
});

it('Ctrl-C that npm passes on once more lets a command end in order', async () => {
  const { command } = await listeningProgram(`
    process.kill(process.pid, 'SIGINT');
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    process.exit(7);`);
  command.kill('SIGINT');
  expect(await exitCodeOf(command)).toBe(7);
});

it('Ctrl-C that comes again later ends a command at once', async () => {
  const { command, stderr } = await listeningProgram(
    `setInterval(() => process.kill(process.pid, 'SIGINT'), 20);`,
  );
  command.kill('SIGINT');
  expect({ code: await exitCodeOf(command), stderr: await stderr }).toEqual({ code: 130, stderr: '' });
});
