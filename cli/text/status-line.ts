import { secondsText } from '../../shared/text/duration.ts';
import { truncate } from '../../shared/text/terminal/terminal-text.ts';
import type { TextStream } from './terminal.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
const DEFAULT_COLUMNS = 80;

/** A carriage return, then "erase to the end of the line". */
const REWRITE = '\r\u001b[K';

/** A line on a terminal that is written again and again in the same place. */
export class StatusLine {
  readonly #stream: TextStream;
  readonly #startedAt = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #text = '';
  #frame = 0;

  constructor(stream: TextStream) {
    this.#stream = stream;
  }

  /** Shows a text, which must be safe to print, with a spinner and the seconds so far. */
  show(text: string): void {
    this.#text = text;
    this.#timer ??= setInterval(() => this.#draw(), FRAME_MS).unref();
    this.#draw();
  }

  /** Removes the line. It may be called again. */
  clear(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stream.write(REWRITE);
  }

  #draw(): void {
    const seconds = Math.floor((Date.now() - this.#startedAt) / 1_000);
    const elapsed = seconds < 60 ? `${seconds} s` : secondsText(seconds * 1_000);
    const frame = FRAMES[this.#frame++ % FRAMES.length];
    // The last column stays free, because some terminals wrap the line when it is written.
    const width = (this.#stream.columns || DEFAULT_COLUMNS) - 1;
    this.#stream.write(REWRITE + truncate(`${frame} ${this.#text} · ${elapsed}`, width));
  }
}
