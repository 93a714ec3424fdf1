import type { RecordedEvent } from '../../shared/api/answers/job-history.ts';
import { isTerminalEvent } from '../../shared/job/event.ts';

/** An event, its sequence in the stream, and its size on the wire. */
interface TailEntry {
  readonly sequence: number;
  readonly bytes: number;
  readonly event: RecordedEvent;
}

interface TailLimits {
  readonly events: number;
  readonly bytes: number;
}

/**
 * What follows a stream sequence. `entries`: the next events, perhaps none yet. `older`: events that only the stream
 * has. `end`: no event follows, because the job has ended.
 */
type TailRead = { readonly entries: readonly TailEntry[] } | 'older' | 'end';

/**
 * The latest events of one job: every event after `floor`, without a gap. Their number and size are bounded, so a slow reader
 * costs no memory. A reader that needs older events reads the stream.
 */
export class EventTail {
  readonly #limits: TailLimits;
  #entries: TailEntry[] = [];
  #bytes = 0;
  #floor: number;
  #head: number;
  #end: number | undefined;

  /**
   * @param floor the sequence of the job's last event so far; 0 if the job has no event
   * @param ended whether that event ended the job
   */
  constructor(floor: number, ended: boolean, limits: TailLimits) {
    this.#floor = floor;
    this.#head = floor;
    this.#end = ended ? floor : undefined;
    this.#limits = limits;
  }

  /** The tail has every event after this sequence. */
  get floor(): number {
    return this.#floor;
  }

  /** The last sequence that {@link push} was given. */
  get head(): number {
    return this.#head;
  }

  /** Whether the job's end is known. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Adds the next event. An undefined `event` means that another program wrote something else at this sequence. */
  push(sequence: number, bytes: number, event: RecordedEvent | undefined): void {
    if (sequence <= this.#head || this.#end !== undefined) return;
    this.#head = sequence;
    if (event === undefined) return;
    this.#entries.push({ sequence, bytes, event });
    this.#bytes += bytes;
    if (isTerminalEvent(event)) this.#end = sequence;
    while (this.#entries.length > 1 && this.#isFull()) this.#drop();
  }

  /** Returns what follows `sequence`. */
  after(sequence: number): TailRead {
    if (this.#end !== undefined && sequence >= this.#end) return 'end';
    if (sequence < this.#floor) return 'older';
    return { entries: this.#entries.filter((entry) => entry.sequence > sequence) };
  }

  #isFull(): boolean {
    return this.#entries.length > this.#limits.events || this.#bytes > this.#limits.bytes;
  }

  #drop(): void {
    const dropped = this.#entries.shift();
    if (dropped === undefined) return;
    this.#bytes -= dropped.bytes;
    this.#floor = dropped.sequence;
  }
}
