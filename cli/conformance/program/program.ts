import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describeThrown } from '../../../shared/errors.ts';
import { startTimer } from '../../../shared/timers.ts';
import { CliError } from '../../cli-error.ts';

/** How many of the last lines of the program are kept, for the reader of a failure. */
const KEPT_LINES = 30;

interface ProgramOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** All its environment variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Takes each line that it writes. */
  readonly onLine: (line: string) => void;
}

/** The program under test, as one run of it. It has a process group of its own, so that a wrapper's children end with it. */
export class Program {
  readonly #child: ChildProcess;
  readonly #pid: number;
  readonly #lines: string[] = [];
  /** Resolves with the exit code; with null if a signal ended it. */
  readonly exited: Promise<number | null>;
  #hasExited = false;

  private constructor(child: ChildProcess, pid: number, onLine: (line: string) => void) {
    this.#child = child;
    this.#pid = pid;
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null)
        createInterface(stream).on('line', (line) => {
          this.#lines.push(line);
          this.#lines.splice(0, this.#lines.length - KEPT_LINES);
          onLine(line);
        });
    this.exited = once(child, 'exit').then(([code]) => {
      this.#hasExited = true;
      return code as number | null;
    });
  }

  /** @throws CliError `usage-invalid` if it cannot be started */
  static async start({ command, environment, onLine }: ProgramOptions): Promise<Program> {
    const [file = '', ...args] = command;
    const child = spawn(file, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: environment });
    try {
      await once(child, 'spawn');
    } catch (cause) {
      const message = `the program under test cannot be started: ${describeThrown(cause)}`;
      throw new CliError('usage-invalid', message, { cause });
    }
    if (child.pid === undefined) throw new Error('the program under test has no process id');
    return new Program(child, child.pid, onLine);
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** Its last lines of output. */
  get lastLines(): string {
    return this.#lines.join('\n');
  }

  /** Sends a signal to the program, and to what it has started. */
  signal(name: NodeJS.Signals): void {
    try {
      process.kill(-this.#pid, name);
    } catch {
      // All of the group have ended.
      this.#child.kill(name);
    }
  }

  /** Ends it, and what it has started, at once. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  /** Waits for its end. @returns the exit code; undefined if it has not ended within `ms` */
  async endWithin(ms: number): Promise<number | null | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = startTimer(ms, () => resolve(undefined));
    try {
      return await Promise.race([this.exited, promise]);
    } finally {
      timer.stop();
    }
  }
}
