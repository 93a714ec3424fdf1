import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { makeFolder } from '../create/make-folder.ts';
import { apiKeyId, createApiKey, hashApiKey } from '../shared/api/access.ts';
import { describeThrown, ThroughlineError } from '../shared/errors.ts';
import { fileFault } from '../shared/text/file-fault.ts';
import { parseJson } from '../shared/text/json/parse-json.ts';
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

/**
 * The setting `API_KEYS` of the edge: the keys that somebody set, and the stack's own key, which the stack prints.
 * @param given the keys that somebody set. What is no list stays as it is: the edge says what is wrong
 * @throws ThroughlineError `config-invalid` if one of them has the id of the stack's own key
 */
export async function apiKeysWith(
  { key, tenant }: { readonly key: string; readonly tenant: string },
  given = '[]',
): Promise<string> {
  const entries = parseJson(given);
  if (!Array.isArray(entries)) return given;
  const own = { id: apiKeyId(key), tenant, hash: await hashApiKey(key) };
  const same = entries.find((entry) => entry?.id === own.id);
  if (same === undefined) return JSON.stringify([...entries, own]);
  if (same.hash === own.hash) return given;
  const message = `API_KEYS: the id ${own.id} is that of the key of this stack; choose another one`;
  throw new ThroughlineError('config-invalid', message);
}
