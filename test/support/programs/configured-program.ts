import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Child, startChild } from '../../../dev/machine/child.ts';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { atEndOfFile, scratchFolder } from '../cleanup.ts';

/** A program that runs, and what it has written so far. */
export interface ConfiguredProgram {
  readonly child: Child;
  readonly lines: readonly string[];
}

/**
 * Starts a program with a configuration file (`--config`). It ends with the test file.
 * @param name of the file, whose ending says its format
 */
export async function startConfigured(
  program: string,
  name: string,
  text: string,
): Promise<ConfiguredProgram> {
  const config = join(await scratchFolder(), name);
  await writeFile(config, text);
  const lines: string[] = [];
  const child = await startChild({
    command: program,
    args: ['--config', config],
    environment: hostEnvironment(),
    output: { onLine: (line) => void lines.push(line) },
  });
  atEndOfFile(() => child.terminate(5_000));
  return { child, lines };
}
