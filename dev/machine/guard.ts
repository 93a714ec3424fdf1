import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';

/** Makes sure that a process does not outlive this one. */
export interface Guard {
  /** Call it when the process has ended: the system may give its id to another process. */
  release(): void;
}

/**
 * Reads a line for each process: `guard <pid> <directory>`, or `release <pid>`. At the end of its input it ends the processes that
 * are left, and removes their directories. Its arguments are the list, two for each process.
 */
const SCRIPT = `
while read -r what pid directory; do
  if [ "$what" = guard ]; then set -- "$@" "$pid" "$directory"; continue; fi
  left=$#
  while [ "$left" -gt 0 ]; do
    [ "$1" = "$pid" ] || set -- "$@" "$1" "$2"
    shift 2
    left=$((left - 2))
  done
done
while [ "$#" -gt 0 ]; do
  kill -KILL "$1"
  [ -z "$2" ] || rm -rf "$2"
  shift 2
done`;

/** The processes that are guarded, with the directory to remove or an empty text. */
const guarded = new Map<number, string>();
let watcher: ChildProcess | undefined;

/**
 * Ends process `pid` when this process ends, and then removes `directory` if one is given.
 *
 * On a normal end, an exit handler does this. It does not run when a signal kills this process. For that case a small
 * shell waits for the end of a pipe: the kernel closes the pipe however this process ends. All processes have one shell, since
 * this process has to be copied to start another, and may be large.
 * @param directory its path has no line break, and no space at its end
 */
export function guardProcess(pid: number, directory = ''): Guard {
  if (guarded.size === 0) process.on('exit', killGuarded);
  guarded.set(pid, directory);
  if (watcher === undefined) startWatcher();
  else tell(watcher, `guard ${pid} ${directory}`);
  let isReleased = false;
  return {
    release() {
      // By then another process may have the id.
      if (isReleased) return;
      isReleased = true;
      guarded.delete(pid);
      if (watcher !== undefined) tell(watcher, `release ${pid}`);
      if (guarded.size === 0) process.off('exit', killGuarded);
    },
  };
}

/** Starts the shell, which knows no process yet. */
function startWatcher(): void {
  const shell = spawn('sh', ['-c', SCRIPT, 'sh'], {
    // In a session of its own: Ctrl-C in the terminal must not end the watcher first.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher = shell;
  const forget = (): void => {
    if (watcher === shell) watcher = undefined;
  };
  // Without a shell, only the exit handler is left.
  shell.on('error', forget).on('exit', forget);
  shell.stdin?.on('error', () => undefined);
  shell.unref();
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  for (const [pid, directory] of guarded) tell(shell, `guard ${pid} ${directory}`);
}

function tell({ stdin }: ChildProcess, line: string): void {
  stdin?.write(`${line}\n`);
}

function killGuarded(): void {
  for (const pid of guarded.keys()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}
