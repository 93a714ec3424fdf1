import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { findFreePort } from '../../../../dev/machine/free-port.ts';

const run = promisify(execFile);
const MODULE = new URL('../../../../dev/machine/free-port.ts', import.meta.url).href;

/** Looks for a port in a process of its own, which ends at once. */
async function findElsewhere(port: number): Promise<string> {
  const code = `import { findFreePort } from '${MODULE}'; console.log(await findFreePort({ first: ${port}, last: ${port} }))`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code]);
  return stdout.trim();
}

it('gives a port that a living process has found to no other process', async () => {
  const port = await findFreePort();
  await expect(findElsewhere(port)).rejects.toThrow('no free port found');
});

it('does not give the same port twice in a process', async () => {
  const port = await findFreePort();
  await expect(findFreePort({ first: port, last: port })).rejects.toThrow('no free port found');
});

it('gives a port again when the process that found it has ended', async () => {
  // Below the range from which everybody else draws.
  const port = 19_000 + (process.pid % 1_000);
  expect(await findElsewhere(port)).toBe(String(port));
  expect(await findFreePort({ first: port, last: port })).toBe(port);
});
