import { write, writeSync } from 'node:fs';
import { fileFault } from '../shared/text/file-fault.ts';
import { pause, startTimer } from '../shared/timers.ts';

/** How many characters of lines may wait for a reader that is slow, or has stopped. */
const MAX_WAITING = 16 * 1_024 * 1_024;
/** More is not written at once. A single text may be longer. */
const MAX_WRITE = 64 * 1_024;
/** The pause after a write that found no room in a pipe. */
const BUSY_MS = 10;
/** How long the end of the process waits for a reader. */
const END_MS = 1_000;
/** The log has at most one line about losses in this time, and `/readyz` warns for this long. */
const PERIOD_MS = 60_000;
const LINE_BREAK = 10;

/** Where the lines go. */
const STDOUT = 1;
const NOT_READ = `nobody reads stdout, and ${MAX_WAITING} characters wait already`;
const GONE = 'the reader of stdout is gone';

type SayLost = (lines: number, reason: string) => void;

/**
 * Writes lines on stdout, in order, without holding up the process. What stdout does not take is lost and counted: a full disk, or a
 * reader that has stopped, costs log lines, and no job. pino's own output keeps all of them in memory, and at the end of the
 * process tries again for ever.
 */
export class LineOutput {
  #waiting: string[] = [];
  #characters = 0;
  #isWriting = false;
  #isGone = false;
  /** Whether the last line was cut off, so that the next one needs a line break before it. */
  #isCut = false;
  #lost = 0;
  #untold = 0;
  #reason = '';
  #lostAt = Number.NEGATIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;
  #sayLost: SayLost = () => undefined;

  /** @param sayLost is told of losses when stdout takes lines again, and of the last ones at the end of the process */
  onLost(sayLost: SayLost): void {
    this.#sayLost = sayLost;
    process.on('exit', () => this.#tell());
  }

  /** A sentence for `/readyz` about the lines that were lost in the last minute. */
  get warnings(): readonly string[] {
    if (performance.now() - this.#lostAt > PERIOD_MS) return [];
    return [`log lines are lost: ${this.#reason}; ${this.#lost} since the start`];
  }

  /** Writes lines soon. Each ends with a line break. */
  write(lines: string): void {
    if (this.#isGone || this.#characters + lines.length > MAX_WAITING) {
      this.#lose(lines, this.#isGone ? GONE : NOT_READ);
      return;
    }
    this.#waiting.push(lines);
    this.#characters += lines.length;
    if (!this.#isWriting) this.#writeNext();
  }

  /** Waits until all is written, unless nobody reads it. What is being written at the end of the process may be cut off. */
  async written(): Promise<void> {
    const endsAt = performance.now() + END_MS;
    while (this.#isWriting && performance.now() < endsAt) await pause(BUSY_MS);
  }

  /** Writes what waits before it returns, see {@link writeNow}. */
  flushSync(): void {
    writeNow(this.#take(Number.POSITIVE_INFINITY));
  }

  #writeNext(): void {
    this.#isWriting = this.#waiting.length > 0;
    if (this.#isWriting) this.#send(this.#take(MAX_WRITE));
  }

  #send(bytes: Buffer): void {
    write(STDOUT, bytes, (error, written) => {
      if (error === null) this.#sent(bytes, written);
      else if (isBusy(error)) startTimer(BUSY_MS, () => this.#send(bytes));
      else this.#fail(error, bytes);
    });
  }

  #sent(bytes: Buffer, written: number): void {
    if (written < bytes.length) {
      this.#isCut = written > 0 ? bytes[written - 1] !== LINE_BREAK : this.#isCut;
      this.#send(bytes.subarray(written));
      return;
    }
    this.#isCut = false;
    if (performance.now() - this.#toldAt > PERIOD_MS) this.#tell();
    this.#writeNext();
  }

  #fail(error: NodeJS.ErrnoException, bytes: Buffer): void {
    this.#isGone = error.code === 'EPIPE';
    const reason = this.#isGone ? GONE : fileFault(error);
    this.#lose(bytes.toString(), reason);
    if (this.#isGone) this.#lose(this.#take(Number.POSITIVE_INFINITY).toString(), reason);
    this.#writeNext();
  }

  /** Takes texts that wait, up to so many characters, but at least one. */
  #take(characters: number): Buffer {
    let size = 0;
    let count = 0;
    for (const lines of this.#waiting) {
      if (count > 0 && size + lines.length > characters) break;
      size += lines.length;
      count++;
    }
    this.#characters -= size;
    const text = this.#waiting.splice(0, count).join('');
    return Buffer.from(this.#isCut ? `\n${text}` : text);
  }

  #lose(text: string, reason: string): void {
    const lines = text.split('\n').length - 1;
    this.#lost += lines;
    this.#untold += lines;
    this.#reason = reason;
    this.#lostAt = performance.now();
  }

  #tell(): void {
    if (this.#untold === 0) return;
    const lines = this.#untold;
    this.#untold = 0;
    this.#toldAt = performance.now();
    this.#sayLost(lines, this.#reason);
  }
}

/** Writes on stdout before it returns. What stdout does not take, or nobody reads, is not written. */
export function writeNow(bytes: Uint8Array): void {
  const endsAt = performance.now() + END_MS;
  let left = bytes;
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(STDOUT, left));
    } catch (thrown) {
      if (!isBusy(thrown) || performance.now() > endsAt) return;
      block(BUSY_MS);
    }
  }
}

function isBusy(thrown: unknown): boolean {
  const { code } = thrown as NodeJS.ErrnoException;
  return code === 'EAGAIN' || code === 'EBUSY';
}

/** Stops this thread for a while. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, ms);
}
