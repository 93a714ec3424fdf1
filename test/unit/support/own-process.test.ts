import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { BROKER, OWN_PROCESS, TRACE } from '../../suites/files.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

it('each test file that replaces a module, counts timers, hears OpenTelemetry, or trusts a certificate has a process of its own', async () => {
  const inOwnProcess = (file: string): boolean =>
    [...OWN_PROCESS, ...BROKER, ...TRACE].some((pattern) => path.matchesGlob(file, pattern));
  const shared: string[] = [];
  for await (const file of glob('test/**/*.test.ts', { cwd: ROOT })) {
    const text = await readFile(path.join(ROOT, file), 'utf8');
    if (/^vi\.mock\(|\.getTimerCount\(|\bdiag\.|deployed-nats\.ts'/m.test(text) && !inOwnProcess(file))
      shared.push(file);
  }
  expect(shared).toEqual([]);
});
