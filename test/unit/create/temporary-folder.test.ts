import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const MODULE = fileURLToPath(new URL('../../../create/temporary-folder.ts', import.meta.url));

it.each([
  ['/no/where', 'it does not exist'],
  ['/proc', 'its file system takes no new folders'],
])(
  'a place that has no room for temporary files is named, with the setting that chooses it: %s',
  async (TMPDIR, why) => {
    const script = `import { makeTemporaryFolder } from ${JSON.stringify(MODULE)};
    await makeTemporaryFolder('x-').catch((error) => process.stdout.write(error.message));`;
    const args = ['--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: { TMPDIR } });
    expect(stdout).toBe(`no temporary folder can be made in ${TMPDIR}: ${why}; TMPDIR names another place`);
  },
);
