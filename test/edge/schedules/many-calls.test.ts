/** What calls of many callers, or about many schedules, may cost. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SchedulePage } from '../../../shared/api/answers/schedule.ts';
import { errorFrom } from '../../../shared/error-table.ts';
import { until } from '../../support/poll.ts';
import { type ScheduleWorlds, startScheduleWorlds } from './schedules-world.ts';

const START = Date.parse('2026-03-01T00:00:00.000Z');
const HOUR = 3_600_000;
const MAX_WAITING = 32;

let worlds: ScheduleWorlds;
beforeAll(async () => {
  worlds = await startScheduleWorlds();
});
afterAll(() => worlds.stop());

describe('the list of schedules', () => {
  it('is made without what the jobs are, which may be large', async () => {
    const world = await worlds.open(START);
    await world.put('daily', { cron: '0 6 * * *', timeZone: 'Europe/Berlin' });
    await world.put('hourly', { every: '1h', paused: true });
    await world.damage();
    const { schedules } = await world.call<SchedulePage>('list', { limit: 10 });
    expect(schedules).toEqual([
      expect.objectContaining({
        name: 'daily',
        operation: 'echo',
        cron: '0 6 * * *',
        timeZone: 'Europe/Berlin',
        paused: false,
        nextRun: '2026-03-01T05:00:00.000Z',
      }),
      expect.objectContaining({ name: 'hourly', every: '1h', paused: true }),
    ]);
    expect(schedules[1]).not.toHaveProperty('nextRun');
    expect(await world.call<number>('count', {})).toBe(2);
  });
});

it('a call that fails by a fault of ours leaves a line in the trace of its caller', async () => {
  const world = await worlds.open(START);
  await world.put('daily', { cron: '0 6 * * *' });
  await world.damage();
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const carrier = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
  await expect(world.call('read', { name: 'daily', carrier })).rejects.toThrow();
  const line = await until('the line', () => worlds.lines.find((text) => text.includes('schedules failed')));
  expect(JSON.parse(line)).toMatchObject({ service: 'throughline-schedules', trace_id: traceId });
});

describe('triggers of one schedule', () => {
  it('are refused beyond a number that wait, and those that wait too long are never run', async () => {
    const world = await worlds.open(START);
    await world.put('one', { every: '1h' });
    await world.hold(true);
    const outcomes: string[] = [];
    const trigger = async (key: string): Promise<void> => {
      const failed = (thrown: unknown) => errorFrom(thrown);
      const error = await world.call('trigger', { name: 'one', key }).then(() => undefined, failed);
      outcomes.push(error === undefined ? 'taken' : `${error.code} ${error.retryAfterSeconds}`);
    };
    const calls = Array.from({ length: MAX_WAITING + 1 + 5 }, (_, call) => trigger(`key ${call}`));
    await until('the refusals', async () => outcomes.length === 5);
    await world.advance(START + HOUR / 2);
    await world.hold(false);
    await Promise.all(calls);
    const refused = Array.from({ length: MAX_WAITING + 5 }, () => 'rate-limited 1');
    expect(outcomes.toSorted()).toEqual([...refused, 'taken']);
    expect(await world.submissions()).toHaveLength(1);
    expect((await world.read('one'))?.lastRuns).toHaveLength(1);
    await trigger('later');
    expect(outcomes.at(-1)).toBe('taken');
  });
});
