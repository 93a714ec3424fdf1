import type { TraceState as ApiTraceState } from '@opentelemetry/api';
import { eachMember } from './header-list.ts';

const MAX_MEMBERS = 32;

/**
 * The most characters that are sent. W3C Trace Context Level 2, section 3.3, "tracestate limits", asks for at least
 * this many.
 */
const MAX_SENT = 512;

/** When a list is too long, members longer than this are dropped first (the same section). */
const LARGE_MEMBER = 128;

/**
 * The most characters that are read: 32 members, each with a key of 256 characters, `=`, a value of 256 characters, and
 * some white space.
 */
const MAX_READ = MAX_MEMBERS * (256 + 1 + 256 + 7);

/** W3C Trace Context Level 2, section 3.3, "Key": `@` may be anywhere after the first character. */
const KEY = /^[a-z0-9][a-z0-9_\-*/@]{0,255}$/;

/**
 * W3C Trace Context Level 2, section 3.3, "Value": printable ASCII without `,` and `=`. The last character is not a
 * space.
 */
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}$/;

/** Why the list was dropped. For the last two reasons, only some members of the list were dropped. */
export type TracestateDropReason =
  | 'unreadable'
  | 'too-long'
  | 'too-many-members'
  | 'malformed-key'
  | 'malformed-value'
  | 'duplicate-key'
  | 'over-512';

/** The result of reading `tracestate`: the list if any of it is left, the number of dropped members, and the reason. */
export interface TracestateReading {
  readonly state?: TraceState;
  readonly reason?: TracestateDropReason;
  readonly dropped: number;
}

/**
 * An immutable `tracestate` list for OpenTelemetry's `SpanContext` (W3C Trace Context Level 2, section 3.3). The list
 * holds only valid members, at most 32, so it can always be sent. No method of this class throws.
 */
export class TraceState implements ApiTraceState {
  /** The empty list. Other lists can be made from it: `TraceState.EMPTY.set('vendor', 'value')`. */
  static readonly EMPTY = new TraceState(new Map());

  readonly #members: ReadonlyMap<string, string>;
  #sent: readonly string[] | undefined;

  private constructor(members: ReadonlyMap<string, string>) {
    this.#members = members;
  }

  /**
   * Reads all `tracestate` values of a carrier as one list, in order. A list that breaks the grammar is dropped as a
   * whole. If several members have the same key, the first one stays, because it is the newest. The sender is
   * responsible for unique keys, so a repeated key is no reason to drop the list (W3C Trace Context Level 2, section
   * 3.5, and the W3C's own test suite).
   */
  static parse(values: readonly string[]): TracestateReading {
    const members = new Map<string, string>();
    const tooLong = sizeOf(values) > MAX_READ;
    let fault: TracestateDropReason | undefined = tooLong ? 'too-long' : undefined;
    let count = 0;
    eachMember(values, (member) => {
      if (++count > MAX_MEMBERS) fault ??= 'too-many-members';
      fault ??= takeMember(members, member);
    });
    if (fault !== undefined) return { reason: fault, dropped: count };
    return count === 0 ? { dropped: 0 } : describe(new TraceState(members), count);
  }

  /** Returns the value of a key, or `undefined`. */
  get(key: string): string | undefined {
    return this.#members.get(key);
  }

  /**
   * Returns a new list with this member in first place (W3C Trace Context Level 2, section 3.5). If the list would then
   * have 33 members, the last one is dropped. For an invalid key or value, the list itself is returned.
   */
  set(key: string, value: string): TraceState {
    if (!KEY.test(key) || !isValue(value)) return this;
    const others = [...this.#members].filter(([other]) => other !== key);
    return new TraceState(new Map([[key, value] as const, ...others.slice(0, MAX_MEMBERS - 1)]));
  }

  /** Returns a new list without this key. */
  unset(key: string): TraceState {
    return new TraceState(new Map([...this.#members].filter(([other]) => other !== key)));
  }

  /** The number of members in the list. */
  get size(): number {
    return this.#members.size;
  }

  /** The number of members that `serialize` leaves out. */
  get overflow(): number {
    return this.size - this.#fitting().length;
  }

  /** Returns the value of the header: whole members, at most 512 characters. Empty if nothing can be sent. */
  serialize(): string {
    return this.#fitting().join(',');
  }

  #fitting(): readonly string[] {
    this.#sent ??= cut(Array.from(this.#members, ([key, value]) => `${key}=${value}`));
    return this.#sent;
  }
}

const isValue = (value: string): boolean => VALUE.test(value) && !value.endsWith(' ');

/** Returns the length of the texts joined by commas. */
const sizeOf = (texts: readonly string[]): number =>
  texts.reduce((length, text) => length + text.length + 1, -1);

function takeMember(members: Map<string, string>, text: string): TracestateDropReason | undefined {
  const equals = text.indexOf('=');
  const key = text.slice(0, equals);
  if (equals === -1 || !KEY.test(key)) return 'malformed-key';
  const value = text.slice(equals + 1);
  if (!isValue(value)) return 'malformed-value';
  if (!members.has(key)) members.set(key, value);
  return undefined;
}

function describe(state: TraceState, count: number): TracestateReading {
  const dropped = count - state.size + state.overflow;
  if (dropped === 0) return { state, dropped };
  return { state, reason: count > state.size ? 'duplicate-key' : 'over-512', dropped };
}

/** Drops members from the right until the list fits: first the large ones, then any. */
function cut(members: readonly string[]): readonly string[] {
  let excess = sizeOf(members) - MAX_SENT;
  if (excess <= 0) return members;
  const fitting = [...members];
  for (const longerThan of [LARGE_MEMBER, 0]) {
    for (let i = fitting.length - 1; i >= 0 && excess > 0; i--) {
      const length = fitting[i]?.length ?? 0;
      if (length <= longerThan) continue;
      fitting.splice(i, 1);
      excess -= length + 1;
    }
  }
  return fitting;
}
