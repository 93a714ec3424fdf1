import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

/** Holds a promise that a process does not outlive this one. */
export interface Guard {
  /** To be called when the process is gone: its id may then belong to somebody else. */
  release(): void;
}

const guarded = new Set<number>();

/**
 * Makes sure that process `pid` dies with this one, and that `directory`, where there is one, is removed then.
 *
 * An exit handler is enough for an ordinary end. It does not run when a signal kills this process, so a
 * small shell also waits for the end of a pipe, which the kernel closes however this process ends.
 */
export function guardProcess(pid: number, directory?: string): Guard {
  if (guarded.size === 0) process.on('exit', killGuarded);
  guarded.add(pid);
  const script = 'read -r _; kill -KILL "$1"; [ -z "$2" ] || rm -rf "$2"';
  const shell = spawn('sh', ['-c', script, 'sh', String(pid), directory ?? ''], {
    // In a session of its own, so that Ctrl-C in the terminal does not take the watcher away first.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Without a shell the exit handler still stands.
  shell.on('error', () => undefined);
  shell.unref();
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  return {
    release() {
      guarded.delete(pid);
      if (guarded.size === 0) process.off('exit', killGuarded);
      shell.kill('SIGKILL');
    },
  };
}

function killGuarded(): void {
  for (const pid of guarded) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Already gone.
    }
  }
}
