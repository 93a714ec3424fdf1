import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ThroughlineError } from '../../shared/errors.ts';
import { fileFault } from '../../shared/text/file-fault.ts';

/**
 * Makes a new folder for temporary files.
 * @param prefix how its name begins
 * @throws ThroughlineError `config-invalid` naming the place, which `TMPDIR` sets, if it cannot be made
 */
export async function makeTemporaryFolder(prefix: string): Promise<string> {
  try {
    return await mkdtemp(path.join(tmpdir(), prefix));
  } catch (cause) {
    const message = `no temporary folder can be made in ${tmpdir()}: ${fileFault(cause)}; TMPDIR names another place`;
    throw new ThroughlineError('config-invalid', message, { cause });
  }
}
