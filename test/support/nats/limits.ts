import type { NatsConnection } from '@nats-io/transport-node';
import { expect } from 'vitest';
import type { JobEvent } from '../../../shared/job/event.ts';
import { eventsByJob } from './stored.ts';

/** When attempts of some jobs started, in milliseconds, by the `started` events. */
export async function startsOf(nats: NatsConnection, ids: readonly string[]): Promise<number[]> {
  const events = await eventsByJob(nats);
  const started = ids.flatMap((id) => (events.get(id) ?? []).filter(({ kind }) => kind === 'started'));
  return started.map(({ at }) => Date.parse(at)).toSorted((a, b) => a - b);
}

/** Checks every window: any `limit` + 1 starts in a row take at least the period. */
export function expectRate(starts: readonly number[], limit: number, periodMs: number): void {
  const tooSoon = starts.filter((at, n) => (starts[n + limit] ?? Number.POSITIVE_INFINITY) - at < periodMs);
  expect(tooSoon).toEqual([]);
}

/**
 * The largest number of attempts that ran at the same time, by the events. An attempt ends with its next event that ends
 * one, or with the next start of its job: then its host was killed.
 */
export async function mostAtOnce(nats: NatsConnection, ids: readonly string[]): Promise<number> {
  const events = await eventsByJob(nats);
  const changes = ids.flatMap((id) => changesOf(events.get(id) ?? []));
  let [running, most] = [0, 0];
  for (const [, change] of changes.toSorted(([a, one], [b, other]) => a - b || one - other)) {
    running += change;
    most = Math.max(most, running);
  }
  return most;
}

function changesOf(events: readonly JobEvent[]): [at: number, change: 1 | -1][] {
  const changes: [number, 1 | -1][] = [];
  let isOpen = false;
  for (const { kind, at } of events) {
    const isStart = kind === 'started';
    const isEnd = kind !== 'progress' && !isStart;
    if (isOpen && (isStart || isEnd)) changes.push([Date.parse(at), -1]);
    if (isStart) changes.push([Date.parse(at), 1]);
    if (isStart || isEnd) isOpen = isStart;
  }
  return changes;
}
