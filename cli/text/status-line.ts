import { secondsText } from '../../shared/text/duration.ts';
import { truncate } from '../../shared/text/terminal-text.ts';
import type { TextStream } from './text-stream.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
const DEFAULT_COLUMNS = 80;

/** Carriage return, then "erase to the end of the line". */
const REWRITE = '\r\u001b[K';

/** One line on a terminal, written again and again in the same place; on anything else, nothing at all. */
export class StatusLine {
  readonly #stream: TextStream | undefined;
  readonly #startedAt = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #text = '';
  #frame = 0;

  /** @param stream undefined where there is no terminal to rewrite */
  constructor(stream: TextStream | undefined) {
    this.#stream = stream;
  }

  /** Shows a text, which must be safe to print, and keeps its spinner and clock going. */
  show(text: string): void {
    if (this.#stream === undefined) return;
    this.#text = text;
    this.#timer ??= setInterval(() => this.#draw(), FRAME_MS).unref();
    this.#draw();
  }

  /** Takes the line away; safe to repeat. */
  clear(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stream?.write(REWRITE);
  }

  #draw(): void {
    const seconds = Math.floor((Date.now() - this.#startedAt) / 1_000);
    const elapsed = seconds < 60 ? `${seconds} s` : secondsText(seconds * 1_000);
    const frame = FRAMES[this.#frame++ % FRAMES.length];
    // The last column stays free: some terminals wrap when it is written.
    const width = (this.#stream?.columns || DEFAULT_COLUMNS) - 1;
    this.#stream?.write(REWRITE + truncate(`${frame} ${this.#text} · ${elapsed}`, width));
  }
}
