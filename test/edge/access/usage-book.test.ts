import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UsageBook, usageOfJob } from '../../../edge/access/usage-book.ts';
import { NO_USAGE, type Usage } from '../../../shared/api/usage.ts';

const JOB: Usage = { ...NO_USAGE, jobs: 1, bytes: 10 };
const QUOTAS: Usage = { jobs: 100, bytes: 1e6, delayedJobs: 100, delayedBytes: 1e6, storedBytes: 1e6 };
const jobs = (count: number): Usage => ({ ...NO_USAGE, jobs: count });
/** Longer than a report of the index counts for the choice of a lane. */
const LONG_MS = 60_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

/** A bridge's book, and an index whose count the test changes. */
function setup(counted: Usage) {
  const index = { counted, isAway: false, asked: 0 };
  const book = new UsageBook({
    fairJobs: 4,
    count: async () => {
      index.asked++;
      if (index.isAway) throw new Error('away');
      return index.counted;
    },
  });
  /** Submits jobs at the same moment, and reports to the index those that were taken. @returns how many that were */
  const submit = async (count: number): Promise<number> => {
    const all = await Promise.allSettled(
      Array.from(
        { length: count },
        async () => await book.check('acme', JOB, book.enter('acme', JOB), QUOTAS),
      ),
    );
    const taken = all.filter(({ status }) => status === 'fulfilled').length;
    index.counted = { ...index.counted, jobs: index.counted.jobs + taken };
    for (let n = 0; n < taken; n++) book.report('acme', index.counted, JOB);
    return taken;
  };
  return { index, book, submit };
}

describe('a tenant at its quota', () => {
  it('Q4: cannot pass it by waiting until the last report is old', async () => {
    const { submit } = setup(NO_USAGE);
    expect(await submit(100)).toBe(100);
    for (let round = 0; round < 3; round++) {
      vi.setSystemTime(Date.now() + LONG_MS);
      expect(await submit(50)).toBe(0);
      expect(await submit(1)).toBe(0);
    }
  });

  it('Q4: cannot pass it at a bridge that has just started', async () => {
    const { submit } = setup(jobs(100));
    expect(await submit(50)).toBe(0);
  });

  it('has room again as soon as its jobs have ended, however old the last report is', async () => {
    const { submit, index } = setup(NO_USAGE);
    await submit(100);
    vi.setSystemTime(Date.now() + LONG_MS);
    index.counted = jobs(60);
    expect(await submit(40)).toBe(40);
    expect(await submit(1)).toBe(0);
  });

  it.each([
    [0, 10],
    [4, 6],
    [10, 0],
  ])('Q11: gets what fits of a batch, and the first ones: %i of 10 used', async (used, room) => {
    const { book } = setup(jobs(used));
    const quotas = { ...QUOTAS, jobs: 10 };
    const all = await Promise.allSettled(
      Array.from({ length: 100 }, () => book.check('acme', JOB, book.enter('acme', JOB), quotas)),
    );
    expect(all.map(({ status }) => status === 'fulfilled')).toEqual(all.map((_, n) => n < room));
    // The refused ones take no room.
    book.report('acme', jobs(used), { ...JOB, jobs: room, bytes: room * JOB.bytes });
    expect(new Map(book.all()).get('acme')).toEqual(jobs(used));
  });

  it('is not refused by an old report while the index cannot be asked', async () => {
    const { submit, index } = setup(NO_USAGE);
    await submit(100);
    vi.setSystemTime(Date.now() + LONG_MS);
    index.isAway = true;
    expect(await submit(1)).toBe(1);
  });
});

describe('a job that runs again', () => {
  const quotas = { ...QUOTAS, jobs: 2 };

  it('counts while it starts, and then as the index says', async () => {
    const { book, index } = setup(jobs(1));
    const used = () => new Map(book.all()).get('acme')?.jobs;
    await book.restart('acme', JOB, quotas, async () => {
      expect(used()).toBe(2);
      await expect(book.restart('acme', JOB, quotas, async () => 'second')).rejects.toMatchObject({
        quota: { name: 'jobs', limit: 2, left: 0 },
      });
      index.counted = jobs(2);
    });
    expect(used()).toBe(2);
  });

  it('starts without a question to the index, also near the limit of the pooled lane', async () => {
    const { book, index } = setup(jobs(4));
    await book.restart('acme', JOB, QUOTAS, async () => undefined);
    await new Promise(setImmediate);
    const { asked } = index;
    await book.restart('acme', JOB, QUOTAS, async () => expect(index.asked).toBe(asked));
  });

  it('holds its room while the index counts from before its start', async () => {
    const answers: ((counted: Usage) => void)[] = [];
    const book = new UsageBook({ fairJobs: 4, count: () => new Promise((answer) => answers.push(answer)) });
    const turn = () => new Promise(setImmediate);
    const used = () => new Map(book.all()).get('acme')?.jobs;
    book.enter('acme', JOB);
    book.report('acme', NO_USAGE, JOB);
    await book.restart('acme', JOB, QUOTAS, async () => undefined);
    // The index answers for the first. The two others started after it was asked.
    await book.restart('acme', JOB, QUOTAS, async () => undefined);
    await book.restart('acme', JOB, QUOTAS, async () => undefined);
    await turn();
    expect([answers.length, used()]).toEqual([1, 3]);
    answers[0]?.(jobs(1));
    await turn();
    expect([answers.length, used()]).toEqual([2, 3]);
    answers[1]?.(jobs(3));
    await turn();
    expect([answers.length, used()]).toEqual([2, 3]);
  });

  it('is counted by a count that began after its start, and others may wait for that', async () => {
    const answers: ((counted: Usage) => void)[] = [];
    const book = new UsageBook({ fairJobs: 4, count: () => new Promise((answer) => answers.push(answer)) });
    book.enter('acme', JOB);
    book.report('acme', NO_USAGE, JOB);
    for (let n = 0; n < 2; n++) await book.restart('acme', JOB, QUOTAS, async () => undefined);
    let isSettled = false;
    const settled = book.settled('acme').then(() => {
      isSettled = true;
    });
    answers[0]?.(jobs(1));
    await new Promise(setImmediate);
    expect([answers.length, isSettled]).toEqual([2, false]);
    answers[1]?.(jobs(2));
    await settled;
    await book.settled('acme');
    expect(answers).toHaveLength(2);
  });

  it('takes no room if its start fails, even while the index is away', async () => {
    const { book, index } = setup(jobs(1));
    await book.restart('acme', JOB, quotas, async () => undefined);
    index.isAway = true;
    const fail = () => book.restart('acme', JOB, quotas, () => Promise.reject(new Error('no')));
    for (let n = 0; n < 3; n++) await expect(fail()).rejects.toThrow('no');
    expect(await book.restart('acme', JOB, quotas, async () => 'started')).toBe('started');
  });
});

describe('the lane of a job', () => {
  const LATER: Usage = { ...JOB, delayedJobs: 1, delayedBytes: 10 };

  it('does not depend on delayed jobs of its tenant', async () => {
    const { book } = setup({ ...jobs(50), delayedJobs: 50 });
    const place = await book.check('acme', JOB, book.enter('acme', JOB), QUOTAS);
    expect([place, book.isBusy('acme', JOB, place), book.isBusy('acme', JOB)]).toEqual([1, false, false]);
  });

  it.each([
    ['jobs', JOB],
    ['delayed jobs', LATER],
  ])('Q13: is a bulk lane for the many %s of a tenant that sends them slowly', async (_, job) => {
    const { book, index } = setup(NO_USAGE);
    const busy: boolean[] = [];
    for (let n = 1; n <= 8; n++) {
      const place = await book.check('acme', job, book.enter('acme', job), QUOTAS);
      busy.push(book.isBusy('acme', job, place));
      const delayed = job.delayedJobs * n;
      index.counted = { ...jobs(n), delayedJobs: delayed };
      book.report('acme', index.counted, job);
      vi.setSystemTime(Date.now() + LONG_MS);
    }
    expect(busy).toEqual([...Array(4).fill(false), ...Array(4).fill(true)]);
  });

  it('is the pooled lane again for a tenant whose jobs have ended, however old the last report is', async () => {
    const { book, index } = setup(jobs(50));
    await book.check('acme', JOB, book.enter('acme', JOB), QUOTAS);
    vi.setSystemTime(Date.now() + LONG_MS);
    index.counted = NO_USAGE;
    book.report('acme', undefined, JOB);
    expect(await book.check('acme', JOB, book.enter('acme', JOB), QUOTAS)).toBe(1);
  });

  it('is a bulk lane for delayed jobs of a tenant with many of them', () => {
    const { book } = setup(NO_USAGE);
    const busy = Array.from({ length: 6 }, () => book.isBusy('acme', LATER, book.enter('acme', LATER)));
    expect(busy).toEqual([false, false, false, false, true, true]);
  });
});

it('a job counts until it is settled, however many tenants come after its own', () => {
  const { book } = setup(NO_USAGE);
  book.enter('acme', JOB);
  for (let n = 0; n < 5_000; n++) {
    book.enter(`tenant-${n}`, JOB);
    book.report(`tenant-${n}`, undefined, JOB);
  }
  expect([...book.all()]).toHaveLength(5_000);
  expect(book.enter('acme', JOB)).toBe(2);
});

it('a quiet tenant that was counted once costs no question', async () => {
  const { submit, index } = setup(NO_USAGE);
  await submit(1);
  const before = index.asked;
  for (let round = 0; round < 3; round++) {
    vi.setSystemTime(Date.now() + LONG_MS);
    expect(await submit(1)).toBe(1);
  }
  expect(index.asked).toBe(before);
});

describe('what is stored of the jobs of a tenant', () => {
  const check = (book: UsageBook) =>
    book.check('acme', ONE, book.enter('acme', ONE), { ...QUOTAS, storedBytes: 1_000 });
  const ONE = usageOfJob({}, 10);

  it('refuses each further job when it fills its quota, for longer than unfinished jobs do, and no job before', async () => {
    const { book, index } = setup({ ...NO_USAGE, storedBytes: 999 });
    expect(await check(book)).toBe(1);
    book.report('acme', { ...NO_USAGE, storedBytes: 1_000 }, ONE);
    index.counted = { ...NO_USAGE, storedBytes: 5_000 };
    await expect(async () => check(book)).rejects.toMatchObject({
      code: 'quota-exceeded',
      message:
        'the quota storedBytes is used up: the events and dead letters of this tenant may have 1000; try again when some of them have expired',
      quota: { name: 'storedBytes', limit: 1_000, left: 0 },
      retryAfterSeconds: 3_600,
    });
    // They expire without a report of the bridge, so the index is asked before a job is refused.
    index.counted = NO_USAGE;
    expect(await check(book)).toBe(1);
  });
});

describe('a job that a quota can never take', () => {
  const LARGE = { jobs: 1, bytes: 11, delayedJobs: 1, delayedBytes: 11, storedBytes: 1 };
  const { book, index } = setup(NO_USAGE);
  const refusal = async (job: Usage, quotas: Usage): Promise<unknown> => {
    try {
      await book.check('acme', job, book.enter('acme', job), quotas);
      return undefined;
    } catch (thrown) {
      return thrown;
    }
  };

  it.each(['bytes', 'delayedBytes'] as const)(
    'that is larger than all of %s is too large, and nothing says that it may be tried again',
    async (name) => {
      const thrown = await refusal(LARGE, { ...QUOTAS, [name]: 10 });
      expect(thrown).toMatchObject({
        code: 'payload-too-large',
        message: `the input has 11 bytes of JSON, and all unfinished jobs of this tenant together may have 10 (quota ${name}), so this job never fits`,
        retryAfterSeconds: undefined,
      });
    },
  );

  it.each(['jobs', 'delayedJobs', 'storedBytes'] as const)(
    'since %s is 0 is refused for the quota, without a time',
    async (name) => {
      expect(await refusal(LARGE, { ...QUOTAS, [name]: 0 })).toMatchObject({
        code: 'quota-exceeded',
        message: `the quota ${name} of this tenant is 0, so it may have no such job`,
        quota: { name, limit: 0, left: 0 },
        retryAfterSeconds: undefined,
      });
    },
  );

  it('takes no room from others, and asks the index nothing', async () => {
    const large = { ...NO_USAGE, jobs: 1, bytes: 1e6 + 1 };
    for (let n = 0; n < 3; n++) await refusal(large, QUOTAS);
    expect(index.asked).toBe(0);
    expect(await book.check('acme', JOB, book.enter('acme', JOB), { ...QUOTAS, jobs: 1 })).toBe(1);
  });
});

describe('an index that does not answer', () => {
  const silent = () => {
    const asked = vi.fn(() => new Promise<Usage>(() => undefined));
    return { asked, book: new UsageBook({ fairJobs: 4, count: asked }) };
  };
  beforeEach(() => void vi.useFakeTimers());

  /** How long a check takes, by the clock. */
  const durationOf = async (check: () => number | Promise<number>): Promise<number> => {
    const began = Date.now();
    const done = Promise.resolve(check()).then(() => Date.now() - began);
    await vi.runAllTimersAsync();
    return await done;
  };

  it('is asked again by the next job, after a few seconds', async () => {
    const { book, asked } = silent();
    const check = () => book.check('acme', JOB, book.enter('acme', JOB), QUOTAS);
    expect([await durationOf(check), await durationOf(check), asked.mock.calls.length]).toEqual([
      3_000, 3_000, 2,
    ]);
  });

  it('takes no more time than a job has left', async () => {
    const { book } = silent();
    const check = () => book.check('acme', JOB, book.enter('acme', JOB), QUOTAS, { leftMs: 200 });
    expect(await durationOf(check)).toBe(200);
  });

  it('does not hold up a job that ended and runs again', async () => {
    const { book } = silent();
    const restart = () => book.restart('acme', JOB, QUOTAS, async () => 1);
    // The tenant was never counted, so the check asks. Nothing waits for the count of the new start.
    expect([await durationOf(restart), await durationOf(restart)]).toEqual([3_000, 3_000]);
    book.report('acme', NO_USAGE, NO_USAGE);
    expect(await durationOf(restart)).toBe(0);
  });
});

it('the index is not asked where a job waits, if that does not depend on its place', async () => {
  const { book, index, submit } = setup(NO_USAGE);
  await submit(5);
  const asked = index.asked;
  await book.check('acme', JOB, book.enter('acme', JOB), QUOTAS, { needsPlace: false });
  expect(index.asked).toBe(asked);
  await book.check('acme', JOB, book.enter('acme', JOB), QUOTAS);
  expect(index.asked).toBe(asked + 1);
});
