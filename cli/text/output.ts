import type { Job } from '../../shared/job/job.ts';
import { escapeControls } from '../../shared/text/terminal-text.ts';
import type { TerminalConfig } from '../config.ts';
import { jobText } from './job-text.ts';
import { jsonText } from './json-text.ts';
import { createPaint, type Paint } from './paint.ts';
import { problemDocument, problemText } from './problem-text.ts';
import { StatusLine } from './status-line.ts';
import type { TextStream } from './text-stream.ts';

export interface OutputOptions {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly terminal: TerminalConfig;
  /** One JSON document on stdout, or a problem document on stderr, and nothing else. */
  readonly json: boolean;
}

/** All that a command says. Results go to stdout, the rest to stderr; colours and movement only to a terminal. */
export class Output {
  readonly #options: OutputOptions;
  readonly #errorPaint: Paint;
  readonly json: boolean;
  /** Whether stdout may be coloured. */
  readonly color: boolean;

  constructor(options: OutputOptions) {
    const { stdout, stderr, terminal, json } = options;
    const mayColor = ({ isTTY }: TextStream): boolean =>
      isTTY === true && !terminal.noColor && !terminal.dumb;
    this.#options = options;
    this.#errorPaint = createPaint(mayColor(stderr));
    this.color = mayColor(stdout);
    this.json = json;
  }

  /** Columns of the terminal on stdout; undefined when it is none, or does not say (and says 0). */
  get columns(): number | undefined {
    return this.#options.stdout.columns || undefined;
  }

  /** A job, as JSON or for a person. */
  job(job: Job): void {
    if (this.json) this.document(job);
    else this.text(jobText(job, createPaint(this.color)));
  }

  /** The one JSON document of a command; on one line, but for a person's eyes. */
  document(value: unknown): void {
    this.text(jsonText(value, this.#options.stdout.isTTY === true ? 2 : 0));
  }

  /** One of many JSON documents, each on a line of its own. */
  line(value: unknown): void {
    this.text(jsonText(value));
  }

  /** Lines on stdout that are safe to print. */
  text(text: string): void {
    this.#options.stdout.write(`${text}\n`);
  }

  /** Something a person should know, though nothing failed. */
  warn(sentence: string): void {
    if (this.json) return;
    this.#options.stderr.write(`${this.#errorPaint.yellow('warning:')} ${escapeControls(sentence)}\n`);
  }

  /** What to do next, for somebody at a terminal. */
  hint(sentence: string): void {
    if (!this.json && this.#interactive)
      this.#options.stderr.write(`${this.#errorPaint.dim(escapeControls(sentence))}\n`);
  }

  /** What ended the command; with `debug`, and where. */
  error(thrown: unknown, debug: boolean): void {
    const { stderr } = this.#options;
    stderr.write(
      `${this.json ? jsonText(problemDocument(thrown)) : problemText(thrown, this.#errorPaint)}\n`,
    );
    if (debug && thrown instanceof Error) stderr.write(`${stackOf(thrown)}\n`);
  }

  /** A line that says how far things are, where somebody can see it. */
  statusLine(): StatusLine {
    return new StatusLine(!this.json && this.#interactive ? this.#options.stderr : undefined);
  }

  get #interactive(): boolean {
    return this.#options.stderr.isTTY === true && !this.#options.terminal.dumb;
  }
}

function stackOf(error: Error): string {
  const stack = error.stack ?? String(error);
  const text = error.cause instanceof Error ? `${stack}\ncaused by ${stackOf(error.cause)}` : stack;
  return text.split('\n').map(escapeControls).join('\n');
}
