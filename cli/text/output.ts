import type { RecordedCallbackEvent } from '../../shared/api/answers/job-history.ts';
import type { Job } from '../../shared/job/job.ts';
import { escapeControls } from '../../shared/text/terminal/escape-controls.ts';
import { shellCommand } from '../../shared/text/terminal/shell-command.ts';
import type { TerminalConfig } from '../config.ts';
import { jobText } from './job-text.ts';
import { problemDocument, problemText } from './problem-text.ts';
import type { StatusLine } from './status-line.ts';
import { createPaint, jsonText, type Paint, type TextStream } from './terminal.ts';

interface OutputOptions {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly terminal: Omit<TerminalConfig, 'editor'>;
  /** Print only JSON: one document on stdout, or a problem document on stderr. */
  readonly json: boolean;
  /** As {@link Output.program}. Default: without options. */
  readonly program?: string;
}

/**
 * Everything that a command prints. Results go to stdout, the rest to stderr. Only a terminal gets colours and a status
 * line.
 */
export class Output {
  readonly #options: OutputOptions;
  readonly #errorPaint: Paint;
  readonly json: boolean;
  /** Whether stdout may be coloured. */
  readonly color: boolean;
  /** Colours text for stdout. */
  readonly paint: Paint;
  /** This program, with the options by which it asks the same API again: `throughline --profile staging`. */
  readonly program: string;

  constructor(options: OutputOptions) {
    const { stdout, stderr, terminal, json, program = 'throughline' } = options;
    const mayColor = ({ isTTY }: TextStream): boolean =>
      isTTY === true && !terminal.noColor && !terminal.dumb;
    this.#options = options;
    this.#errorPaint = createPaint(mayColor(stderr));
    this.color = mayColor(stdout);
    this.paint = createPaint(this.color);
    this.json = json;
    this.program = program;
  }

  /** Columns of the terminal on stdout. Undefined if stdout is no terminal, or reports 0. */
  get columns(): number | undefined {
    return this.#options.stdout.columns || undefined;
  }

  /** Whether nobody reads stdout any more, as after `| head -1`. A command that goes on and on ends then. */
  get isClosed(): boolean {
    return this.#options.stdout.isClosed === true;
  }

  /**
   * Prints a job, as JSON or for a person.
   * @param callback what became of its callback, which only a person is told: the JSON is the job of the API
   */
  job(job: Job, callback?: RecordedCallbackEvent): void {
    this.result(job, () => jobText(job, this.paint, callback));
  }

  /** Prints the result of a command: as the only JSON document, or as text for a person. */
  result(document: unknown, text: () => string): void {
    if (this.json) this.document(document);
    else this.text(text());
  }

  /** Prints a job that was sent again, and how to follow it. */
  sentAgain(job: Job): void {
    this.job(job);
    this.hint(this.followText(job));
  }

  /** The command that follows a job to its end, for the end of a sentence. */
  followText({ id }: Pick<Job, 'id'>): string {
    return `follow it with: ${shellCommand(`${this.program} watch`, id)}`;
  }

  /** Prints the command's only JSON document: indented on a terminal, else on one line. */
  document(value: unknown): void {
    this.text(jsonText(value, this.#options.stdout.isTTY === true ? 2 : 0));
  }

  /** Prints one of many JSON documents, each on its own line. */
  line(value: unknown): void {
    this.text(jsonText(value));
  }

  /** Prints lines on stdout. They must be safe to print. */
  text(text: string): void {
    this.#options.stdout.write(`${text}\n`);
  }

  /** Tells a person something they should know, although nothing failed. */
  warn(sentence: string): void {
    if (this.json) return;
    this.#options.stderr.write(`${this.#errorPaint.yellow('warning:')} ${escapeControls(sentence)}\n`);
  }

  /** Tells a person something about the answer that it does not show itself, also in a pipe. */
  note(sentence: string): void {
    if (!this.json) this.#options.stderr.write(`${this.#errorPaint.dim(escapeControls(sentence))}\n`);
  }

  /** Tells a person at a terminal what to do next. */
  hint(sentence: string): void {
    if (this.interactive) this.note(sentence);
  }

  /** Asks a person at a terminal. The answer is typed after the question. */
  prompt(question: string): void {
    this.#options.stderr.write(escapeControls(question));
  }

  /** Prints the error that ended the command, with its stack if `debug`. */
  error(thrown: unknown, debug: boolean): void {
    const { stderr } = this.#options;
    stderr.write(
      `${this.json ? jsonText(problemDocument(thrown)) : problemText(thrown, this.#errorPaint, this.program)}\n`,
    );
    if (debug && thrown instanceof Error) stderr.write(`${stackOf(thrown)}\n`);
  }

  /** A line that shows the progress, on a terminal only. */
  async statusLine(): Promise<Pick<StatusLine, 'show' | 'clear'>> {
    if (this.json || !this.interactive) return NO_LINE;
    // Node needs 20 ms before it can measure the width of a text.
    const { StatusLine } = await import('./status-line.ts');
    return new StatusLine(this.#options.stderr);
  }

  /** Whether a person at a terminal reads stderr. */
  get interactive(): boolean {
    return this.#options.stderr.isTTY === true && !this.#options.terminal.dumb;
  }
}

const NO_LINE = { show: (): void => undefined, clear: (): void => undefined };

/** The stacks of an error and of its causes, each once. An error of an author may be its own cause, or throw when it is read. */
function stackOf(error: Error): string {
  const stacks = new Map<Error, string>();
  try {
    for (let next: unknown = error; next instanceof Error && !stacks.has(next); next = next.cause)
      stacks.set(next, String(next.stack ?? next));
  } catch {
    // What was read before is shown.
  }
  return [...stacks.values()].join('\ncaused by ').split('\n').map(escapeControls).join('\n');
}
