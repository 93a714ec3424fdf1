import { mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ThroughlineError } from '../shared/errors.ts';
import { fileFault, NO_NEW_FOLDERS } from '../shared/text/file-fault.ts';

/**
 * Makes a new folder for temporary files.
 * @param prefix how its name begins
 * @throws ThroughlineError `config-invalid` naming the place, which `TMPDIR` sets, if it cannot be made
 */
export async function makeTemporaryFolder(prefix: string): Promise<string> {
  const place = tmpdir();
  try {
    return await mkdtemp(path.join(place, prefix));
  } catch (cause) {
    const isThere = await stat(place).then(
      () => true,
      () => false,
    );
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' && isThere ? NO_NEW_FOLDERS : fileFault(cause);
    const message = `no temporary folder can be made in ${place}: ${why}; TMPDIR names another place`;
    throw new ThroughlineError('config-invalid', message, { cause });
  }
}
