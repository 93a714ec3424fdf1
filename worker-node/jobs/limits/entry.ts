/** What may happen to the entry of a limit's key. All functions are pure: they take an entry and give a new one. */
import type { LimitEntry, Taken } from '../../../shared/wire/limit-entry.ts';

/** What an attempt wants before it may start. */
export interface Wish {
  /** Names the attempt among those of all hosts. */
  readonly id: string;
  /** How many attempts may run at the same time; undefined: any number. */
  readonly places?: number;
  /** How many attempts may start within any `periodMs`; undefined: any number. */
  readonly rate?: { readonly limit: number; readonly periodMs: number };
}

/** Which limit an attempt waits for. */
export type LimitKind = 'concurrency' | 'rateLimit';

/** Why an attempt has to wait. */
export interface Refusal {
  readonly by: LimitKind;
  /** The time in milliseconds at which it may start, if nothing happens until then. */
  readonly freeAt: number;
}

/** What came of a wish: the entry with it, or a refusal. */
export type Answer = { readonly entry: LimitEntry } | { readonly refusal: Refusal };

/**
 * Takes a place and a start, both or none of them.
 *
 * A start counts as late as it may have happened: until its host says when it was, that is the end of the lease. So no more
 * than `limit` starts fall into any period, whatever happens between this and the start.
 * @param now milliseconds
 * @param leaseMs for how long the place is taken unless it is renewed, and how long the attempt may take to start
 */
export function take(entry: LimitEntry, wish: Wish, now: number, leaseMs: number): Answer {
  const places = entry.places.filter(([id, until]) => until > now && id !== wish.id);
  const starts = entry.starts.filter(([, at]) => wish.rate === undefined || at > now - wish.rate.periodMs);
  const refusal = refusalOf({ places, starts }, wish);
  if (refusal !== undefined) return { refusal };
  const taken: Taken = [wish.id, now + leaseMs];
  return {
    entry: {
      places: wish.places === undefined ? places : [...places, taken],
      starts: wish.rate === undefined ? starts : [...starts, taken],
    },
  };
}

function refusalOf({ places, starts }: LimitEntry, { places: limit, rate }: Wish): Refusal | undefined {
  if (limit !== undefined && places.length >= limit)
    return { by: 'concurrency', freeAt: nthLatest(places, limit) };
  if (rate !== undefined && starts.length >= rate.limit)
    return { by: 'rateLimit', freeAt: nthLatest(starts, rate.limit) + rate.periodMs };
  return undefined;
}

/** When fewer than `n` of them count any more. */
function nthLatest(taken: readonly Taken[], n: number): number {
  const times = taken.map(([, time]) => time).sort((a, b) => b - a);
  return times[n - 1] ?? 0;
}

/** Notes that an attempt has started, at `now` or earlier. */
export function confirm(entry: LimitEntry, id: string, now: number): LimitEntry {
  return { ...entry, starts: entry.starts.map((start) => (start[0] === id ? ['', now] : start)) };
}

/** Gives the place of an attempt back. A start that was not confirmed stays. */
export function release(entry: LimitEntry, id: string): LimitEntry {
  return { ...entry, places: entry.places.filter(([holder]) => holder !== id) };
}

/** Gives back all that an attempt took which did not start. */
export function forgo(entry: LimitEntry, id: string): LimitEntry {
  return { ...release(entry, id), starts: entry.starts.filter(([starter]) => starter !== id) };
}

/** Keeps the places of attempts that still run. One that was lost, because its host was late, is not taken again. */
export function renew(entry: LimitEntry, ids: ReadonlySet<string>, until: number): LimitEntry {
  return { ...entry, places: entry.places.map((place) => (ids.has(place[0]) ? [place[0], until] : place)) };
}
