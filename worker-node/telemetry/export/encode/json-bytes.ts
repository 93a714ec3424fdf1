const encoder = new TextEncoder();
const SMALL_DIGITS = 7;
const SMALL = 10 ** SMALL_DIGITS;

/** A text as UTF-8, for the parts of a JSON text that are always the same. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * JSON as UTF-8 that is written piece by piece into one buffer. No string of the whole is made, and nothing that is written has to
 * be collected as garbage.
 */
export class JsonBytes {
  #buffer: Uint8Array;
  #length = 0;

  /** @param capacity how many bytes have room at first */
  constructor(capacity: number) {
    this.#buffer = new Uint8Array(capacity);
  }

  /** The number of bytes that are written. */
  get length(): number {
    return this.#length;
  }

  /** Writes bytes as they are. */
  put(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /**
   * Writes what stands between the quotation marks of a JSON string. Half a character, as a cut leaves it, is replaced: a collector
   * refuses a whole batch for one. @throws TypeError if it is no string
   */
  text(text: string): void {
    if (typeof text !== 'string') throw new TypeError('not a text');
    this.#reserve(text.length);
    const buffer = this.#buffer;
    let at = this.#length;
    for (let n = 0; n < text.length; n++) {
      const code = text.charCodeAt(n);
      // Not printable ASCII, or a quotation mark or a backslash: whatever is written so far is written again.
      if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) {
        this.put(encoder.encode(JSON.stringify(text.toWellFormed()).slice(1, -1)));
        return;
      }
      buffer[at++] = code;
    }
    this.#length = at;
  }

  /** As {@link put}, {@link text} and {@link put}. @throws TypeError if `text` is no string */
  around(before: Uint8Array, text: string, after: Uint8Array): void {
    if (typeof text !== 'string') throw new TypeError('not a text');
    this.#reserve(before.length + text.length + after.length);
    const buffer = this.#buffer;
    buffer.set(before, this.#length);
    let at = this.#length + before.length;
    for (let n = 0; n < text.length; n++) {
      const code = text.charCodeAt(n);
      if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) {
        this.#length += before.length;
        this.text(text);
        this.put(after);
        return;
      }
      buffer[at++] = code;
    }
    for (let n = 0; n < after.length; n++) buffer[at++] = after[n] as number;
    this.#length = at;
  }

  /** Writes ASCII without anything to escape in place of what is written from `at` on. */
  ascii(at: number, text: string): void {
    const buffer = this.#buffer;
    for (let n = 0; n < text.length; n++) buffer[at + n] = text.charCodeAt(n);
  }

  /** Writes a whole number with so many digits in place of what is written from `at` on. */
  digitsAt(at: number, value: number, count: number): void {
    const buffer = this.#buffer;
    // Numbers of less than ten digits are divided much faster.
    const high = Math.floor(value / SMALL);
    let small = value - high * SMALL;
    let place = at + count - 1;
    const smallEnd = Math.max(at, place - SMALL_DIGITS + 1);
    for (; place >= smallEnd; place--) {
      const rest = (small / 10) | 0;
      buffer[place] = 0x30 + small - rest * 10;
      small = rest;
    }
    for (let left = high | 0; place >= at; place--) {
      const rest = (left / 10) | 0;
      buffer[place] = 0x30 + left - rest * 10;
      left = rest;
    }
  }

  /** Writes a comma. */
  comma(): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = 0x2c;
  }

  /** Takes the byte at `at` away. */
  cutComma(at: number): void {
    this.#buffer.copyWithin(at, at + 1, this.#length);
    this.#length--;
  }

  /** Writes a whole number with as many digits as asked for. */
  digits(value: number, count: number): void {
    this.#reserve(count);
    this.digitsAt(this.#length, value, count);
    this.#length += count;
  }

  /** Takes back what was written from a place on. */
  cut(length: number): void {
    this.#length = length;
  }

  /** How many bytes have room without more memory. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** A copy of what is written from a place on. */
  copy(from = 0): Uint8Array {
    return this.#buffer.slice(from, this.#length);
  }

  /** What is written, until something else is. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
