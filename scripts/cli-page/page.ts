import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Host } from '../../cli/host.ts';
import { createProgram } from '../../cli/program.ts';
import { commandPages, commonOptions } from '../../cli/reference/command-page.ts';
import { markdownReference } from '../../cli/reference/markdown.ts';

/** The text of docs/CLI.md that people write. The tables follow it. */
const GUIDE = join(import.meta.dirname, 'guide.txt');

/** docs/CLI.md: the guide, and the tables of all commands as the program defines them. */
export async function cliPage(): Promise<string> {
  const silent = { write: () => undefined };
  const host = new Host({ environment: {}, stdin: Readable.from([]), stdout: silent, stderr: silent });
  const program = await createProgram(host);
  return `${readFileSync(GUIDE, 'utf8')}\n${markdownReference(commandPages(program), commonOptions(program))}`;
}
