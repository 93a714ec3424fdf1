import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

/** Makes sure that a process does not outlive this one. */
export interface Guard {
  /** Call it when the process has ended: the system may give its id to another process. */
  release(): void;
}

const guarded = new Set<number>();

/**
 * Ends process `pid` when this process ends, and then removes `directory` if one is given.
 *
 * On a normal end, an exit handler does this. It does not run when a signal kills this process. For that case a small
 * shell waits for the end of a pipe: the kernel closes the pipe however this process ends.
 */
export function guardProcess(pid: number, directory?: string): Guard {
  if (guarded.size === 0) process.on('exit', killGuarded);
  guarded.add(pid);
  const shell = startWatcher(pid, directory ?? '');
  return {
    release() {
      guarded.delete(pid);
      if (guarded.size === 0) process.off('exit', killGuarded);
      shell.kill('SIGKILL');
    },
  };
}

function startWatcher(pid: number, directory: string) {
  const script = 'read -r _; kill -KILL "$1"; [ -z "$2" ] || rm -rf "$2"';
  const shell = spawn('sh', ['-c', script, 'sh', String(pid), directory], {
    // In a session of its own: Ctrl-C in the terminal must not end the watcher first.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Without a shell, only the exit handler is left.
  shell.on('error', () => undefined);
  shell.unref();
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  return shell;
}

function killGuarded(): void {
  for (const pid of guarded) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}
