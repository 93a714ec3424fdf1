import { spawnSync } from 'node:child_process';
import { expect, it, vi } from 'vitest';
import { BatchedLines } from '../../../../worker-node/output/batched-lines.ts';

it('writes a line after a pause at once, and those that follow soon together and in order', async () => {
  const written: string[] = [];
  const lines = new BatchedLines({ write: (text) => written.push(text), flushSync: () => undefined });
  lines.write('1\n');
  expect(written).toEqual(['1\n']);
  lines.write('2\n');
  lines.write('3\n');
  expect(written).toEqual(['1\n']);
  await vi.waitFor(() => expect(written).toEqual(['1\n', '2\n3\n']));
});

it('writes what waits when the process ends', () => {
  const log = JSON.stringify(new URL('../../../../worker-node/log.ts', import.meta.url).href);
  const program = `
    const { createLogger } = await import(${log});
    const log = createLogger('throughline-worker', 'info');
    for (let n = 0; n < 1_000; n++) log.info({ n }, 'line');
    process.exit(3);`;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  expect(status).toBe(3);
  const numbers = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).n);
  expect(numbers).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
});
