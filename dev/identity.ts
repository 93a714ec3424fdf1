import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { makeFolder } from '../create/make-folder.ts';
import { createApiKey } from '../shared/api/access.ts';
import { describeThrown, ThroughlineError } from '../shared/errors.ts';
import { fileFault } from '../shared/text/file-fault.ts';
import { createCallbackSecret } from '../shared/text/secret.ts';

const Identity = z.strictObject({ apiKey: z.string().min(1), callbackSecret: z.string().min(1) });

/** The secrets of a stack. */
export type Identity = Readonly<z.output<typeof Identity>>;

const FILE = 'secrets.json';

/**
 * Makes the secrets of a stack, or reads those of an earlier run.
 * @param folder where they are kept; undefined: nowhere
 * @throws ThroughlineError `config-invalid` if the file of an earlier run cannot be read, or a new one cannot be written
 */
export async function stackIdentity(folder: string | undefined): Promise<Identity> {
  const made = { apiKey: createApiKey('dev'), callbackSecret: createCallbackSecret() };
  if (folder === undefined) return made;
  const file = path.join(folder, FILE);
  await makeFolder(folder);
  try {
    await writeFile(file, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    return made;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return await readIdentity(file);
    throw new ThroughlineError('config-invalid', `${file} cannot be written: ${fileFault(cause)}`, { cause });
  }
}

async function readIdentity(file: string): Promise<Identity> {
  try {
    return Identity.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    const message = `${file} cannot be read: ${describeThrown(cause)}; remove it, and a new one is made`;
    throw new ThroughlineError('config-invalid', message, { cause });
  }
}
