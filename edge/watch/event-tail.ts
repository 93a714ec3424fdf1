import { isTerminalEvent } from '../../shared/job/event.ts';
import type { RecordedEvent } from '../../shared/job/event-record.ts';

/** An event, its place in the stream and its size on the wire. */
interface TailEntry {
  readonly sequence: number;
  readonly bytes: number;
  readonly event: RecordedEvent;
}

interface TailLimits {
  readonly events: number;
  readonly bytes: number;
}

/** What follows a place: the next events, perhaps none yet; `older`: events that only the stream has; `end`: no more. */
type TailRead = { readonly entries: readonly TailEntry[] } | 'older' | 'end';

/**
 * The latest events of one job, without a gap: every event after `floor`. The size is bounded, so a slow reader costs no
 * memory: a reader that needs older events reads the stream.
 */
export class EventTail {
  readonly #limits: TailLimits;
  #entries: TailEntry[] = [];
  #bytes = 0;
  #floor: number;
  #head: number;
  #end: number | undefined;

  /**
   * @param floor sequence of the job's last event so far; 0: there is none
   * @param ended whether that event is the job's end
   */
  constructor(floor: number, ended: boolean, limits: TailLimits) {
    this.#floor = floor;
    this.#head = floor;
    this.#end = ended ? floor : undefined;
    this.#limits = limits;
  }

  /** Every event after this sequence is in the tail. */
  get floor(): number {
    return this.#floor;
  }

  /** The last sequence that was added. */
  get head(): number {
    return this.#head;
  }

  /** Whether the job's end is known. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Adds the next event. `undefined`: another program wrote something else at this sequence. */
  push(sequence: number, bytes: number, event: RecordedEvent | undefined): void {
    if (sequence <= this.#head || this.#end !== undefined) return;
    this.#head = sequence;
    if (event === undefined) return;
    this.#entries.push({ sequence, bytes, event });
    this.#bytes += bytes;
    if (isTerminalEvent(event)) this.#end = sequence;
    while (this.#entries.length > 1 && this.#isFull()) this.#drop();
  }

  /** What follows `sequence`. */
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
