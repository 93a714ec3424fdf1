import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';

it('a command that does not end after SIGTERM is ended, and says why', async () => {
  const interrupt = JSON.stringify(new URL('../../../cli/interrupt.ts', import.meta.url).href);
  const program = `
    const { Interrupt } = await import(${interrupt});
    new Interrupt(({ message }) => process.stderr.write(message));
    setInterval(() => undefined, 1_000);
    console.log('runs');`;
  const command = spawn(process.execPath, ['--input-type=module', '-e', program]);
  const stderr = text(command.stderr);
  await once(command.stdout, 'data');
  command.kill('SIGTERM');
  const [code] = await once(command, 'exit');
  expect({ code, stderr: await stderr }).toEqual({ code: 143, stderr: 'ended by SIGTERM' });
});
