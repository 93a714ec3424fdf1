import type { HistoryEvent } from '../../shared/api/answers/job-history.ts';
import { concatBytes } from '../../shared/bytes.ts';
import { errorFrom, statusOf } from '../../shared/error-table.ts';
import { pause, startTimer } from '../../shared/timers.ts';
import type { WatchRead } from './job-watch.ts';
import type { WatchLease } from './job-watches.ts';

/** Gives events, and places between events, the ids that callers see. */
interface EventSeal {
  readonly event: (event: HistoryEvent) => Promise<HistoryEvent>;
  readonly place: (sequence: number) => Promise<string>;
}

const encoder = new TextEncoder();
/** The most bytes that one step gives a reader. A reader that does not read holds this much. The rest is shared with other readers. */
const STEP_BYTES = 32 * 1024;
const RETRY_MS = 250;
/** How long a client waits before it connects again, in milliseconds. */
const RECONNECT_MS = 1_000;
/** A comment line: it shows proxies and clients that a quiet stream is alive. */
const STREAM_HEARTBEAT = encoder.encode(':\n\n');

/**
 * A job's events as `text/event-stream`: the recorded events after `after`, then the events as they come, until the job
 * has ended. The stream is made while it is read, so a slow reader costs no memory.
 * @param heartbeatMs the longest silence, in milliseconds
 */
export function eventStream(
  lease: WatchLease,
  after: number,
  heartbeatMs: number,
  seal: EventSeal,
): ReadableStream<Uint8Array> {
  // Only a stream of bytes may cross from a Durable Object to its caller.
  return new ReadableStream(new EventStreamSource(lease, after, heartbeatMs, seal));
}

class EventStreamSource implements UnderlyingByteSource {
  readonly type = 'bytes';
  readonly #lease: WatchLease;
  readonly #heartbeatMs: number;
  readonly #seal: EventSeal;
  #position: number;
  /** The events that were read and not sent yet, and what is left of the last one. */
  #events: readonly HistoryEvent[] = [];
  #rest: Uint8Array | undefined;
  #opened = false;
  #cancelled = false;
  #pulling = false;

  constructor(lease: WatchLease, after: number, heartbeatMs: number, seal: EventSeal) {
    this.#lease = lease;
    this.#position = after;
    this.#heartbeatMs = heartbeatMs;
    this.#seal = seal;
  }

  start(controller: ReadableByteStreamController): void {
    this.#lease.lost.addEventListener('abort', () => {
      this.#lease.release();
      // `pull` gives a reader that reads an orderly end. A reader that does not read would hold its connection for ever.
      startTimer(this.#heartbeatMs, () => {
        if (!this.#pulling && !this.#cancelled) controller.error(new Error('the reader has come again'));
      });
    });
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    this.#pulling = true;
    try {
      const text = this.#rest ?? (await this.#next());
      if (this.#cancelled) return;
      // A stream of bytes takes over the memory of its chunks, and other readers need this text. So it gets a copy.
      if (text !== undefined) controller.enqueue(text.slice(0, STEP_BYTES));
      this.#rest = text !== undefined && text.length > STEP_BYTES ? text.subarray(STEP_BYTES) : undefined;
      if (text === undefined || this.#lease.lost.aborted) this.#end(controller);
    } catch (thrown) {
      this.#lease.release();
      throw thrown;
    } finally {
      this.#pulling = false;
    }
  }

  #end(controller: ReadableByteStreamController): void {
    this.#lease.release();
    this.#cancelled = true;
    controller.close();
    controller.byobRequest?.respond(0);
  }

  cancel(): void {
    this.#cancelled = true;
    this.#lease.release();
  }

  /** The next text to send; undefined at the end. */
  async #next(): Promise<Uint8Array | undefined> {
    if (!this.#opened) {
      this.#opened = true;
      return encoder.encode(openingText(await this.#seal.place(this.#position)));
    }
    const until = Date.now() + this.#heartbeatMs;
    while (!this.#cancelled && !this.#lease.lost.aborted) {
      if (this.#events.length > 0) return await this.#nextTexts();
      const read = await this.#read();
      if (read?.ended) return undefined;
      this.#events = read?.events ?? [];
      if (this.#events.length > 0) continue;
      const left = until - Date.now();
      if (left <= 0) return STREAM_HEARTBEAT;
      // A read that failed is tried again soon; a new event is waited for.
      if (read === undefined) await pause(Math.min(left, RETRY_MS));
      else await this.#lease.watch.wait(this.#position, left, this.#lease.lost);
    }
    return undefined;
  }

  /** The text of the next event; of several, if they are small. */
  async #nextTexts(): Promise<Uint8Array> {
    const texts: Uint8Array[] = [];
    let size = 0;
    for (const event of this.#events) {
      if (size >= STEP_BYTES) break;
      const text = await this.#lease.watch.texts.of(event, this.#seal.event);
      if (texts.length > 0 && size + text.length > STEP_BYTES) break;
      texts.push(text);
      size += text.length;
    }
    this.#events = this.#events.slice(texts.length);
    const [only = new Uint8Array(), ...others] = texts;
    return others.length === 0 ? only : concatBytes(texts, size);
  }

  /** @returns undefined if the events cannot be read now */
  async #read(): Promise<WatchRead | undefined> {
    try {
      const read = await this.#lease.watch.read(this.#position);
      this.#position = read.upTo;
      return read;
    } catch (thrown) {
      if (statusOf(errorFrom(thrown)) === 503) return undefined;
      throw thrown;
    }
  }
}

/** The first words of a stream. A client that is cut off before the first event names this id when it comes again. */
function openingText(id: string): string {
  return `retry: ${RECONNECT_MS}\nid: ${id}\n\n`;
}
