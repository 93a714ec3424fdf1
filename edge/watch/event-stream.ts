import { ThroughlineError } from '../../shared/errors.ts';
import type { HistoryEvent } from '../../shared/job/event-record.ts';
import { pause } from '../../shared/timers.ts';
import type { WatchRead } from './job-watch.ts';
import type { WatchLease } from './job-watches.ts';

type SealEvents = (events: readonly HistoryEvent[]) => Promise<readonly HistoryEvent[]>;

const encoder = new TextEncoder();
const RETRY_MS = 250;
/** The start of a stream: how long a client waits before it connects again, in milliseconds. */
const STREAM_OPENING = 'retry: 1000\n\n';
/** A comment line: it shows proxies and clients that a quiet stream is alive. */
const STREAM_HEARTBEAT = ':\n\n';

/**
 * A job's events as `text/event-stream`: the recorded events after `after`, then the events as they come, until the job
 * has ended. The stream is made while it is read, so a slow reader costs no memory.
 * @param heartbeatMs the longest silence, in milliseconds
 * @param seal gives the events ids for callers
 */
export function eventStream(
  lease: WatchLease,
  after: number,
  heartbeatMs: number,
  seal: SealEvents,
): ReadableStream<Uint8Array> {
  // Only a stream of bytes may cross from a Durable Object to its caller.
  return new ReadableStream(new EventStreamSource(lease, after, heartbeatMs, seal));
}

class EventStreamSource implements UnderlyingByteSource {
  readonly type = 'bytes';
  readonly #lease: WatchLease;
  readonly #heartbeatMs: number;
  readonly #seal: SealEvents;
  #position: number;
  #opened = false;
  #cancelled = false;

  constructor(lease: WatchLease, after: number, heartbeatMs: number, seal: SealEvents) {
    this.#lease = lease;
    this.#position = after;
    this.#heartbeatMs = heartbeatMs;
    this.#seal = seal;
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    try {
      const text = await this.#next();
      if (this.#cancelled) return;
      if (text !== undefined) return controller.enqueue(encoder.encode(text));
      this.#lease.release();
      controller.close();
      controller.byobRequest?.respond(0);
    } catch (thrown) {
      this.#lease.release();
      throw thrown;
    }
  }

  cancel(): void {
    this.#cancelled = true;
    this.#lease.release();
  }

  /** The next text to send; undefined at the end. */
  async #next(): Promise<string | undefined> {
    if (!this.#opened) {
      this.#opened = true;
      return STREAM_OPENING;
    }
    const until = Date.now() + this.#heartbeatMs;
    while (!this.#cancelled) {
      const read = await this.#read();
      if (read?.ended) return undefined;
      if (read !== undefined && read.events.length > 0)
        return (await this.#seal(read.events)).map(eventText).join('');
      const left = until - Date.now();
      if (left <= 0) return STREAM_HEARTBEAT;
      // A read that failed is tried again soon; a new event is waited for.
      if (read === undefined) await pause(Math.min(left, RETRY_MS));
      else await this.#lease.watch.wait(this.#position, left);
    }
    return undefined;
  }

  /** @returns undefined if the events cannot be read now */
  async #read(): Promise<WatchRead | undefined> {
    try {
      const read = await this.#lease.watch.read(this.#position);
      this.#position = read.upTo;
      return read;
    } catch (thrown) {
      if (ThroughlineError.from(thrown).status === 503) return undefined;
      throw thrown;
    }
  }
}

/** An event in `text/event-stream` (HTML standard, "Server-sent events"). JSON holds no line break of its own. */
function eventText(event: HistoryEvent): string {
  return `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
