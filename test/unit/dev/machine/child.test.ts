import { expect, it, onTestFinished } from 'vitest';
import { startChild } from '../../../../dev/machine/child.ts';
import { hostEnvironment } from '../../../../dev/machine/environment.ts';

async function shell(script: string) {
  const lines: string[] = [];
  const child = await startChild({
    command: 'sh',
    args: ['-c', script],
    environment: { ...hostEnvironment() },
    output: { onLine: (line) => lines.push(line) },
  });
  onTestFinished(() => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // No process of its group is left.
    }
  });
  return { child, lines };
}

it('a child has ended when its last lines are read, on standard output and on standard error', async () => {
  // The shell is gone when its other half writes: what is written last may always be read later than the end is known.
  const { child, lines } = await shell(
    'while kill -0 $$ 2>/dev/null; do :; done && echo out && echo err >&2 & exit 3',
  );
  expect(await child.exited).toBe(3);
  expect(lines.sort()).toEqual(['err', 'out']);
});

it('a child that leaves its output open to another program has ended nevertheless', async () => {
  const { child, lines } = await shell('sleep 600 & echo in time; exit 3');
  expect(await child.exited).toBe(3);
  expect(lines).toEqual(['in time']);
});
