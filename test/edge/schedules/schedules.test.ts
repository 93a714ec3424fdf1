/** The object that keeps schedules, in workerd, with a clock of the test. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SubmitResult } from '../../../edge/calls/commands.ts';
import type { Schedule } from '../../../shared/api/answers/schedule.ts';
import { type ScheduleWorld, type ScheduleWorlds, startScheduleWorlds } from './schedules-world.ts';

const START = Date.parse('2026-03-01T00:00:00.000Z');
const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
const MINUTELY = { cron: '* * * * *' };

let worlds: ScheduleWorlds;
let world: ScheduleWorld;
beforeAll(async () => {
  worlds = await startScheduleWorlds({ SCHEDULES_PER_TENANT: '3' });
});
afterAll(() => worlds.stop());

const start = async (request: object, from = START): Promise<void> => {
  world = await worlds.open(from);
  await world.put('one', request);
};
/** The last runs, oldest first: minutes since the start, and what became of them. */
const runs = async (): Promise<unknown[][]> => {
  const { lastRuns = [] } = (await world.read('one')) ?? {};
  return lastRuns
    .toReversed()
    .map(({ scheduledFor, outcome, reason, code, count }) =>
      [(Date.parse(scheduledFor) - START) / MINUTE, outcome, reason, code, count].filter(
        (part) => part !== undefined,
      ),
    );
};
const submitted = async (): Promise<string[]> => (await world.submissions()).map(({ jobId }) => jobId);

describe('a schedule', () => {
  it('makes one job at each of its times, with an id that comes from its name and the time', async () => {
    const end = START + 20 * MINUTE;
    await start(MINUTELY);
    await world.advance(end);
    const ids = await submitted();
    expect(ids).toHaveLength(20);
    expect(new Set(ids).size).toBe(20);
    for (const id of ids) expect(id).toMatch(/^sr_[0-9a-f]{40}$/);
    // The same tenant does it all again: the ids are the same.
    await world.call('remove', { name: 'one' });
    await world.sleep(START);
    await world.put('one', MINUTELY);
    await world.advance(end);
    expect((await submitted()).slice(20)).toEqual(ids);
  });

  it('makes no run twice and leaves none out, if its object ends while a job is being submitted', async () => {
    await start(MINUTELY);
    for (const minute of [1, 2, 3, 10, 11]) {
      await world.advance(START + minute * MINUTE - SECOND);
      await world.meanwhile('kill');
      await world.advance(START + minute * MINUTE);
    }
    await world.advance(START + 15 * MINUTE);
    const ids = await submitted();
    expect(ids.length).toBe(15 + 5);
    expect(new Set(ids).size).toBe(15);
    expect((await runs()).map(([minute, outcome]) => `${minute} ${outcome}`)).toEqual(
      Array.from({ length: 15 }, (_, minute) => `${minute + 1} submitted`),
    );
  });

  it('keeps its last 20 runs', async () => {
    await start(MINUTELY);
    await world.advance(START + 25 * MINUTE);
    expect((await runs()).map(([minute]) => minute)).toEqual(Array.from({ length: 20 }, (_, run) => run + 6));
  });

  it('runs by the clock of its time zone, even when daylight saving skips its time', async () => {
    await start({ cron: '30 2 * * *', timeZone: 'Europe/Berlin' }, Date.parse('2026-03-28T00:00:00.000Z'));
    await world.advance(Date.parse('2026-03-31T00:00:00.000Z'));
    const { lastRuns } = (await world.read('one')) ?? {};
    expect(lastRuns?.map(({ scheduledFor }) => scheduledFor)).toEqual([
      '2026-03-30T00:30:00.000Z',
      '2026-03-29T01:00:00.000Z',
      '2026-03-28T01:30:00.000Z',
    ]);
  });
});

describe('after the edge was away for a day', () => {
  const away = async (catchUp: string | undefined): Promise<void> => {
    await start({ cron: '0 * * * *', ...(catchUp && { catchUp }) });
    await world.advance(START + 2 * HOUR);
    await world.sleep(START + 2 * HOUR + DAY + MINUTE);
    await world.advance(START + DAY + 3 * HOUR);
  };
  const HOURS = (hours: number): number => hours * 60;
  const BEFORE = [HOURS(1), HOURS(2)].map((at) => [at, 'submitted']);
  const AFTER = [HOURS(27), 'submitted'];

  it('"none" makes none of the missed runs', async () => {
    await away('none');
    expect(await runs()).toEqual([...BEFORE, [HOURS(26), 'skipped', 'missed', 24], AFTER]);
  });

  it('"last", the default, makes the newest', async () => {
    await away(undefined);
    const last = [HOURS(26), 'submitted'];
    expect(await runs()).toEqual([...BEFORE, [HOURS(25), 'skipped', 'missed', 23], last, AFTER]);
  });

  it('"all" makes each, in order', async () => {
    await away('all');
    const all = Array.from({ length: 20 }, (_, hour) => [HOURS(8 + hour), 'submitted']);
    expect(await runs()).toEqual(all);
    expect(await submitted()).toHaveLength(27);
  });
});

describe('with "overlap": "skip"', () => {
  it('a run is left out while the job of the last run has not ended', async () => {
    await start({ ...MINUTELY, overlap: 'skip' });
    await world.states('running');
    await world.advance(START + 4 * MINUTE);
    await world.states('succeeded');
    await world.advance(START + 5 * MINUTE);
    expect(await runs()).toEqual([
      [1, 'submitted'],
      [4, 'skipped', 'overlap', 3],
      [5, 'submitted'],
    ]);
  });

  it('a trigger is refused meanwhile, but answered with its own job again', async () => {
    await start({ ...MINUTELY, overlap: 'skip' });
    await world.states('running');
    await world.call('trigger', { name: 'one', key: 'a' });
    expect(await world.call('trigger', { name: 'one', key: 'a' })).toMatchObject({ replayed: true });
    for (const isNewKey of [false, true])
      await expect(world.call('trigger', { name: 'one', key: 'b', isNewKey })).rejects.toMatchObject({
        code: 'schedule-busy',
      });
    await world.advance(START + MINUTE);
    expect((await runs()).map(([, ...rest]) => rest)).toEqual([['submitted'], ['skipped', 'overlap']]);
  });
});

describe('a trigger', () => {
  it('with the key of an earlier one is answered with its job, even while another job runs', async () => {
    await start({ ...MINUTELY, overlap: 'skip' });
    const first = await world.call<SubmitResult>('trigger', { name: 'one', key: 'a' });
    const second = await world.call<SubmitResult>('trigger', { name: 'one', key: 'b' });
    await world.states('succeeded', { [second.job.id]: 'running' });
    const again = await world.call<SubmitResult>('trigger', { name: 'one', key: 'a' });
    expect([again.replayed, again.job.id]).toEqual([true, first.job.id]);
  });

  it('makes the bridge look for its job, unless no job can have its key', async () => {
    await start(MINUTELY);
    await world.call('trigger', { name: 'one', key: 'a', isNewKey: true });
    await world.call('trigger', { name: 'one', key: 'b', isNewKey: false });
    // An edge of an earlier version does not say it.
    await world.call('trigger', { name: 'one', key: 'c' });
    await world.advance(START + MINUTE);
    const looks = (await world.submissions()).map(({ spec }) => spec.fingerprint !== undefined);
    expect(looks).toEqual([false, true, true, true]);
  });

  it('has the quotas of the token of its caller, and a run has none', async () => {
    await start(MINUTELY);
    await world.call('trigger', { name: 'one', key: 'a', quotas: { jobs: 7 } });
    await world.advance(START + MINUTE);
    expect((await world.submissions()).map(({ quotas }) => quotas)).toEqual([{ jobs: 7 }, undefined]);
  });
});

describe('a run that is refused', () => {
  it('for a while is tried again until the next run is due, and then recorded with its code', async () => {
    await start({ cron: '*/10 * * * *' });
    await world.script({ refuse: 'quota-exceeded' });
    await world.advance(START + 15 * MINUTE);
    expect(await runs()).toEqual([]);
    await world.script('take');
    await world.advance(START + 17 * MINUTE);
    expect(await runs()).toEqual([[10, 'submitted']]);
    await world.script({ refuse: 'stream-full' });
    await world.advance(START + 31 * MINUTE);
    expect(await runs()).toEqual([
      [10, 'submitted'],
      [20, 'refused', 'stream-full'],
    ]);
  });

  it('for good is recorded at once, and the next run is made', async () => {
    await start(MINUTELY);
    await world.script('take', [{ refuse: 'operation-unknown' }]);
    await world.advance(START + 2 * MINUTE);
    expect(await runs()).toEqual([
      [1, 'refused', 'operation-unknown'],
      [2, 'submitted'],
    ]);
  });

  it('for a while is never left out with "catchUp": "all": the later ones wait for it', async () => {
    await start({ ...MINUTELY, catchUp: 'all' });
    await world.script({ refuse: 'outbox-full' });
    await world.advance(START + 10 * MINUTE);
    await world.script('take');
    await world.advance(START + 12 * MINUTE);
    expect((await runs()).map(([minute, outcome]) => `${minute} ${outcome}`)).toEqual(
      Array.from({ length: 12 }, (_, minute) => `${minute + 1} submitted`),
    );
  });

  it('by a trigger is recorded, and the caller is told why', async () => {
    await start(MINUTELY);
    await world.script({ refuse: 'quota-exceeded' });
    await expect(world.call('trigger', { name: 'one', key: 'a' })).rejects.toMatchObject({
      code: 'quota-exceeded',
    });
    expect(await runs()).toEqual([[0, 'refused', 'quota-exceeded']]);
  });
});

describe('when the rules for the input change', () => {
  it('the input is checked once more, and a run whose input no longer fits is refused', async () => {
    await start(MINUTELY);
    await world.script({ rules: 'first', schema: { type: 'number' } });
    await world.advance(START + 2 * MINUTE);
    await world.script({ rules: 'second', schema: { type: 'string' } });
    await world.advance(START + 3 * MINUTE);
    await world.script({ rules: 'third', schema: { type: 'number' } });
    await world.advance(START + 4 * MINUTE);
    expect(await runs()).toEqual([
      [1, 'submitted'],
      [2, 'submitted'],
      [3, 'refused', 'input-invalid'],
      [4, 'submitted'],
    ]);
    const checks = (await world.submissions()).map(({ inputCheck }) => inputCheck);
    expect(checks).toEqual(['first', 'first', 'third'].map((digest) => ({ digest, outcome: 'passed' })));
  });
});

describe('a schedule that is changed', () => {
  it('makes only runs of the new version, from then on', async () => {
    await start({ ...MINUTELY, input: 'old' });
    await world.script({ refuse: 'quota-exceeded' });
    await world.advance(START + 1.5 * MINUTE);
    await world.put('one', { cron: '*/2 * * * *', input: 'new' });
    await world.script('take');
    await world.advance(START + 6 * MINUTE);
    expect((await world.submissions()).map(({ inputJson }) => inputJson)).toEqual([
      '"new"',
      '"new"',
      '"new"',
    ]);
    expect((await runs()).map(([minute]) => minute)).toEqual([2, 4, 6]);
  });

  it('by a PUT that says the same, is not changed: it stays paused, and its times stay', async () => {
    await start({ every: '7m' });
    await world.advance(START + 5 * MINUTE);
    await world.call('pause', { name: 'one', paused: true });
    const { schedule, created } = await world.put('one', { every: '7m' });
    expect([created, schedule.paused, schedule.nextRuns]).toEqual([false, true, []]);
    await world.advance(START + 30 * MINUTE);
    const resumed = await world.call<Schedule>('pause', { name: 'one', paused: false });
    expect(resumed.nextRuns[0]).toBe(new Date(START + 35 * MINUTE).toISOString());
    await world.advance(START + 36 * MINUTE);
    expect(await runs()).toEqual([[35, 'submitted']]);
  });

  it('while a job is submitted, is as the change says, and the job is shown', async () => {
    await start(MINUTELY);
    await world.meanwhile('pause', { name: 'one', paused: true });
    await world.advance(START + 5 * MINUTE);
    expect(await runs()).toEqual([[1, 'submitted']]);
    await world.call('pause', { name: 'one', paused: false });
    await world.meanwhile('remove', { name: 'one' });
    await world.advance(START + HOUR);
    expect(await world.read('one')).toBeUndefined();
    expect(await submitted()).toHaveLength(2);
  });

  it('to times that cannot be read is refused and stays as it was, even if it is to be paused', async () => {
    await start({ every: '5m' });
    const before = await world.read('one');
    for (const wrong of [{ cron: 'x' }, { cron: '0 0 31 2 *' }, { cron: '* * * * *', timeZone: 'No/Zone' }])
      for (const name of ['one', 'new'])
        await expect(world.put(name, { ...wrong, paused: true })).rejects.toMatchObject({
          code: 'request-invalid',
        });
    expect(await world.read('one')).toEqual(before);
    expect(await world.read('new')).toBeUndefined();
  });

  it('and deleted, makes no more runs', async () => {
    await start(MINUTELY);
    await world.advance(START + MINUTE);
    await world.call('remove', { name: 'one' });
    await world.advance(START + HOUR);
    expect(await submitted()).toHaveLength(1);
  });
});

describe('a tenant', () => {
  it('has at most SCHEDULES_PER_TENANT schedules, and changes those that it has', async () => {
    await start(MINUTELY);
    await world.put('two', MINUTELY);
    await world.put('three', MINUTELY);
    await expect(world.put('four', MINUTELY)).rejects.toMatchObject({
      code: 'quota-exceeded',
      retryAfterSeconds: expect.any(Number),
    });
    await world.put('three', { every: '1h' });
    await world.call('remove', { name: 'two' });
    expect((await world.put('four', MINUTELY)).created).toBe(true);
  });
});
