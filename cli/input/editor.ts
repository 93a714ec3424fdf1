import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTemporaryFolder } from '../../create/temporary-folder.ts';
import { CliError } from '../cli-error.ts';

/** A text as the user saved it, in a file that only they may read. */
export interface EditedText {
  /** The editor decides in which encoding it writes the text. */
  readonly bytes: Uint8Array;
  readonly isChanged: boolean;
  readonly file: string;
  /** Removes the file. Until then the work of the user is safe. */
  readonly remove: () => Promise<void>;
}

/**
 * Lets the user change a text in their editor. Only the user may read the file meanwhile.
 * @param name of the file, which tells the editor what it is
 * @throws ThroughlineError `config-invalid` if there is no place for the file; CliError `usage-invalid` if the editor does not start, or fails; the file is kept if it was changed
 */
export async function editText(text: string, name: string, editor: string): Promise<EditedText> {
  const folder = await makeTemporaryFolder('throughline-edit-');
  const file = join(folder, name);
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  await writeFile(file, text, { mode: 0o600 });
  // The setting may hold options, as in `code --wait`. So a shell splits it, as git does.
  const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, editor, file], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  const before = Buffer.from(text);
  const bytes = await readFile(file).catch(() => before);
  const isChanged = !bytes.equals(before);
  if (code === 0) return { bytes, isChanged, file, remove };
  if (!isChanged) await remove();
  throw new CliError('usage-invalid', `the editor ${JSON.stringify(editor)} failed; nothing was sent`, {
    hint: isChanged ? keptText(file) : 'set VISUAL or EDITOR',
  });
}

/** Where the user finds what they saved, if it was not used. */
export function keptText(file: string): string {
  return `what you saved is kept in ${file}`;
}
