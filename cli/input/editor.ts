import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliError } from '../cli-error.ts';

/**
 * Lets the user change a text in their editor. Only the user may read the file meanwhile.
 * @param name of the file, which tells the editor what it is
 * @returns the text as it was saved
 * @throws CliError `usage-invalid` if the editor does not start, or fails
 */
export async function editText(text: string, name: string, editor: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'throughline-edit-'));
  const file = join(folder, name);
  try {
    await writeFile(file, text, { mode: 0o600 });
    // The setting may hold options, as in `code --wait`. So a shell splits it, as git does.
    const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, editor, file], { stdio: 'inherit' });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0)
      throw new CliError('usage-invalid', `the editor ${JSON.stringify(editor)} failed; nothing was sent`, {
        hint: 'set VISUAL or EDITOR',
      });
    return await readFile(file, 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
