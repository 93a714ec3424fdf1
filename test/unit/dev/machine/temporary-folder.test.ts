import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const MODULE = fileURLToPath(new URL('../../../../dev/machine/temporary-folder.ts', import.meta.url));

it('a place for temporary files that is not there is named, with the setting that chooses it', async () => {
  const script = `import { makeTemporaryFolder } from ${JSON.stringify(MODULE)};
    await makeTemporaryFolder('x-').catch((error) => process.stdout.write(error.message));`;
  const args = ['--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { TMPDIR: '/no/where' } });
  expect(stdout).toBe(
    'no temporary folder can be made in /no/where: it does not exist; TMPDIR names another place',
  );
});
