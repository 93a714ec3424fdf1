import { write, writeSync } from 'node:fs';
import { fileFault } from '../../shared/text/file-fault.ts';
import { pause, startTimer } from '../../shared/timers.ts';
import { block } from './block.ts';

/** How many characters of lines may wait for a reader that has stopped. */
const MAX_WAITING = 16 * 1_024 * 1_024;
/** How many may wait in any case: a loop without a pause makes lines faster than they are written. */
const MOST_WAITING = 4 * MAX_WAITING;
/** More is not written at once. A single text may be longer. */
const MAX_WRITE = 64 * 1_024;
/** The longest pause after a write that found no room in a pipe. The first one has a millisecond: a reader may be fast. */
const BUSY_MS = 20;
/** A reader has stopped if so many writes, one after the other, found no room: that takes about a second. */
const STOPPED_AFTER = 50;
/** How long the end of the process waits for a reader that takes nothing, and for one that is slow. */
const STOPPED_MS = 1_000;
const END_MS = 5_000;
/** The log has at most one line about losses in this time, and `/readyz` warns for this long. */
const PERIOD_MS = 60_000;
const LINE_BREAK = 10;

/** Where the lines go. */
const STDOUT = 1;
const NOT_READ = `nobody reads stdout, and ${MAX_WAITING} characters wait already`;
const TOO_FAST = `lines come faster than stdout takes them, and ${MOST_WAITING} characters wait already`;
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
  /** How many writes found no room since the last one that did, and what they were to write. */
  #refusals = 0;
  #refused: Uint8Array = new Uint8Array();
  /** Whether the last line was cut off, so that the next one needs a line break before it. */
  #isCut = false;
  #lost = 0;
  #untold = 0;
  #reason = '';
  #lostAt = Number.NEGATIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;
  #sayLost: SayLost = () => undefined;

  /** @param sayLost gets how many lines were lost, and why: once stdout takes lines again, and when the process ends */
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
    const size = this.#characters + lines.length;
    if (size > (this.#isStopped ? MAX_WAITING : MOST_WAITING)) {
      this.#lose(lines, this.#isStopped ? NOT_READ : TOO_FAST);
      return;
    }
    this.#waiting.push(lines);
    this.#characters = size;
    if (!this.#isWriting) this.#writeNext();
  }

  /** Waits until all is written, unless nobody reads it. What is being written at the end of the process may be cut off. */
  async written(): Promise<void> {
    const endsAt = performance.now() + END_MS;
    while (this.#isWriting && !this.#isStopped && performance.now() < endsAt) await pause(BUSY_MS);
  }

  /** Writes what waits, and the last lines, before it returns, see {@link writeNow}. */
  flushSync(last: string): void {
    const refused = this.#refused;
    // What was refused is the rest of a line that was cut off.
    if (refused.length > 0) this.#isCut = false;
    this.#waiting.push(last);
    this.#characters += last.length;
    writeNow(Buffer.concat([refused, this.#take(Number.POSITIVE_INFINITY)]));
  }

  get #isStopped(): boolean {
    return this.#refusals >= STOPPED_AFTER;
  }

  #writeNext(): void {
    this.#isWriting = this.#waiting.length > 0;
    if (this.#isWriting) this.#send(this.#take(MAX_WRITE));
  }

  #send(bytes: Uint8Array): void {
    write(STDOUT, bytes, (error, written) => {
      if (error !== null && isBusy(error)) {
        this.#wait(bytes);
        return;
      }
      this.#refusals = 0;
      if (error === null) this.#sent(bytes, written);
      else this.#fail(error, bytes);
    });
  }

  #wait(bytes: Uint8Array): void {
    this.#refused = bytes;
    startTimer(Math.min(2 ** this.#refusals, BUSY_MS), () => {
      this.#refused = new Uint8Array();
      this.#send(bytes);
    });
    this.#refusals++;
  }

  #sent(bytes: Uint8Array, written: number): void {
    if (written < bytes.length) {
      this.#isCut = written > 0 ? bytes[written - 1] !== LINE_BREAK : this.#isCut;
      this.#send(bytes.subarray(written));
      return;
    }
    this.#isCut = false;
    if (performance.now() - this.#toldAt > PERIOD_MS) this.#tell();
    this.#writeNext();
  }

  #fail(error: NodeJS.ErrnoException, bytes: Uint8Array): void {
    this.#lose(new TextDecoder().decode(bytes), error.code === 'EPIPE' ? GONE : fileFault(error));
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
    // A line break before the first line is that of a line that was cut off.
    const lines = text.split('\n').filter((line) => line !== '').length;
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
  let stopsAt = performance.now() + STOPPED_MS;
  let left = bytes;
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(STDOUT, left));
      stopsAt = performance.now() + STOPPED_MS;
    } catch (thrown) {
      if (!isBusy(thrown) || performance.now() > Math.min(stopsAt, endsAt)) return;
      block(1);
    }
  }
}

function isBusy(thrown: unknown): boolean {
  const { code } = thrown as NodeJS.ErrnoException;
  return code === 'EAGAIN' || code === 'EBUSY';
}
