import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { describeThrown } from '../../../shared/errors.ts';
import { startTimer } from '../../../shared/timers.ts';
import { CliError } from '../../cli-error.ts';

/** How many of the last lines of the program are kept, for the reader of a failure. */
const KEPT_LINES = 30;

/** How many of them a sentence about its end quotes. */
const QUOTED_LINES = 8;

/** What is said of a program that may have written part of a line. */
const NO_LINE = 'it has ended no line of output';

/** How many characters of a line are kept. */
const LONGEST_LINE = 500;

/** How long its last lines may take to arrive after its end. What it has started may hold its output open for ever. */
const LINES_MS = 500;

/** How a program ended: one of the two is null. */
interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

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
  readonly #outputEnded: Promise<unknown>;
  /** Resolves with the exit code; with null if a signal ended it. */
  readonly exited: Promise<number | null>;
  #end: ProgramEnd | undefined;
  #wasTold = false;

  private constructor(child: ChildProcess, pid: number, onLine: (line: string) => void) {
    this.#child = child;
    this.#pid = pid;
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null)
        readLines(stream, (line) => {
          this.#lines.push(line);
          this.#lines.splice(0, this.#lines.length - KEPT_LINES);
          onLine(line);
        });
    this.#outputEnded = once(child, 'close');
    this.exited = once(child, 'exit').then(([code, signal]) => {
      this.#end = { code, signal };
      return code;
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
    return this.#end !== undefined;
  }

  /** Whether it was sent a signal. */
  get wasTold(): boolean {
    return this.#wasTold;
  }

  /** What it wrote last, for a hint. */
  get lastLines(): string {
    return this.#lines.length === 0 ? NO_LINE : `its last lines: ${this.#lines.join('\n')}`;
  }

  /** What it wrote last, as the end of a sentence. */
  get lastWords(): string {
    if (this.#lines.length === 0) return NO_LINE;
    return `its last lines: ${this.#lines.slice(-QUOTED_LINES).join(' | ')}`;
  }

  /** How it ended, such as `ended with exit code 3`. */
  get howItEnded(): string {
    if (this.#end === undefined) return 'has not ended';
    const { code, signal } = this.#end;
    return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
  }

  /** Waits for its end, and for its last lines. */
  async untilGone(): Promise<void> {
    await this.exited;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = startTimer(LINES_MS, resolve);
    await Promise.race([this.#outputEnded, promise]);
    timer.stop();
  }

  /** Sends a signal to the program, and to what it has started. */
  signal(name: NodeJS.Signals): void {
    this.#wasTold = true;
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

/** Reads a stream as lines. The rest of a long one is dropped, so that one that never ends does not fill the memory. */
function readLines(stream: Readable, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split(/\r?\n/).map((line) => line.slice(0, LONGEST_LINE));
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
  stream.on('end', () => {
    if (rest !== '') take(rest);
  });
}
