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
 * one. If there is none before the next start of its job, its host was killed.
 * @param killedAt when that host was killed, in epoch milliseconds; default: no earlier than the next start
 */
export async function mostAtOnce(
  nats: NatsConnection,
  ids: readonly string[],
  killedAt = Number.POSITIVE_INFINITY,
): Promise<number> {
  const events = await eventsByJob(nats);
  const changes = ids.flatMap((id) => changesOf(events.get(id) ?? [], killedAt));
  let running = 0;
  let most = 0;
  for (const [, change] of changes.toSorted(([a, one], [b, other]) => a - b || one - other)) {
    running += change;
    most = Math.max(most, running);
  }
  return most;
}

function changesOf(events: readonly JobEvent[], killedAt: number): [at: number, change: 1 | -1][] {
  const changes: [number, 1 | -1][] = [];
  /** When the attempt began that has not ended. */
  let begun: number | undefined;
  for (const { kind, at: time } of events) {
    if (kind === 'progress') continue;
    const at = Date.parse(time);
    const isStart = kind === 'started';
    const wasKilled = isStart && begun !== undefined && begun < killedAt;
    if (begun !== undefined) changes.push([wasKilled ? Math.min(at, killedAt) : at, -1]);
    if (isStart) changes.push([at, 1]);
    begun = isStart ? at : undefined;
  }
  return changes;
}
