import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/** Where a command runs, and how long it may take. */
export interface RunOptions {
  timeoutMs: number;
  cwd?: string;
  environment?: NodeJS.ProcessEnv;
}

/**
 * Runs a command to its end.
 * @returns its standard output
 * @throws an Error with the command and the last lines of its standard error; its cause has `stdout`
 */
export function runCommand(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { timeoutMs, cwd, environment } = options;
  const settings = { timeout: timeoutMs, cwd, env: environment, maxBuffer: 16 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    execFile(command, args, settings, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
        return;
      }
      const what = [command, ...args.slice(0, 1)].join(' ');
      const cause = Object.assign(error, { stdout });
      reject(new Error(`${what}: ${reason(error, stderr, timeoutMs)}`, { cause }));
    });
  });
}

function reason(
  error: Error & { code?: unknown; killed?: boolean },
  stderr: string,
  timeoutMs: number,
): string {
  if (error.code === 'ENOENT') return 'not found';
  if (error.killed === true) return `did not end within ${timeoutMs / 1000} s`;
  const lastLines = stderr.trim().split('\n').slice(-3).join(' / ');
  return lastLines === '' ? error.message : lastLines;
}

/**
 * Looks for a program in the folders of `PATH`.
 * @returns the absolute path of the first executable file with that name, or undefined
 */
export async function findOnPath(name: string, searchPath: string | undefined): Promise<string | undefined> {
  const folders = (searchPath ?? '').split(delimiter).filter(isAbsolute);
  for (const folder of folders) {
    const candidate = join(folder, name);
    if (await isExecutableFile(candidate)) return candidate;
  }
  return undefined;
}

async function isExecutableFile(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
