import type { HrTime } from '@opentelemetry/api';

const NANOS_OF_MS = 1_000_000;
const MS_OF_SECOND = 1_000;
/** From 2001 to 2286, milliseconds since the epoch have 13 digits. */
const FIRST = 10 ** 12;
const LAST = 10 ** 13 - 1;

/** A point in time, exact to the nanosecond. */
export interface Moment {
  /** Whole milliseconds since the epoch. */
  readonly ms: number;
  /** Nanoseconds beyond them, less than a million. */
  readonly nanos: number;
}

/** The moment that is `more` milliseconds after `ms`. */
export function momentAfter(ms: number, more: number): Moment {
  const sum = Math.floor(ms + more);
  const nanos = Math.round((ms - sum + more) * NANOS_OF_MS);
  return nanos < NANOS_OF_MS ? { ms: sum, nanos } : { ms: sum + 1, nanos: 0 };
}

/** Whether a time in milliseconds is whole, and of this age. */
export function isUsual(ms: number): boolean {
  return Number.isInteger(ms) && ms >= FIRST && ms <= LAST;
}

/** The same in the words of the SDK. */
export function hrTimeOf({ ms, nanos }: Moment): HrTime {
  const seconds = Math.floor(ms / MS_OF_SECOND);
  return [seconds, (ms - seconds * MS_OF_SECOND) * NANOS_OF_MS + nanos];
}
