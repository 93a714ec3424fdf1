import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { UserProject } from './user-project.ts';

const STOPPED_MS = 60_000;

/** A script of the project that runs until it is stopped. */
export interface Started {
  /** The first line that it prints and that matches. @throws Error with all lines, if it ends before */
  readonly line: (pattern: RegExp) => Promise<string>;
  /** Stops it as Ctrl-C does: npm and its program get the signal. */
  readonly stop: () => Promise<void>;
}

/** Starts a script of a project's package.json. */
export function startScript(project: UserProject, script: string, ...args: readonly string[]): Started {
  const child = spawn('npm', ['run', script, '--silent', '--', ...args], {
    cwd: project.folder,
    env: project.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const lines = createInterface(child.stdout);
  const errors: string[] = [];
  createInterface(child.stderr).on('line', (line) => errors.push(line));
  return {
    line: async (pattern) => {
      const seen: string[] = [];
      for await (const line of lines) {
        if (pattern.test(line)) {
          // Nobody reads the rest, and the script must not wait for a reader.
          child.stdout.resume();
          return line;
        }
        seen.push(line);
      }
      throw new Error(`${script} ended without ${pattern}:\n${[...seen, ...errors].join('\n')}`);
    },
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  const exited = once(child, 'exit', { signal: AbortSignal.timeout(STOPPED_MS) });
  process.kill(-child.pid, 'SIGINT');
  await exited;
}
