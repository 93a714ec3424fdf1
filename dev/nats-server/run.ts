import { execFile } from 'node:child_process';

/** Where and for how long a command may run. */
export interface RunOptions {
  timeoutMs: number;
  cwd?: string;
  environment?: NodeJS.ProcessEnv;
}

/**
 * Runs a command to its end and gives its standard output.
 * A failure's message is the sentence a person needs: what was run and the end of what it complained about.
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
      reject(new Error(`${what}: ${reason(error, stderr, timeoutMs)}`, { cause: error }));
    });
  });
}

function reason(
  error: Error & { code?: unknown; killed?: boolean },
  stderr: string,
  timeoutMs: number,
): string {
  if (error.code === 'ENOENT') return 'not found';
  if (error.killed === true) return `no end within ${timeoutMs / 1000} s`;
  const complaint = stderr.trim().split('\n').slice(-3).join(' / ');
  return complaint === '' ? error.message : complaint;
}
