import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { UsageBook } from '../../../edge/access/usage-book.ts';
import { redriveMany } from '../../../edge/jobs/redrive-many.ts';
import { NO_USAGE } from '../../../shared/api/usage.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { parseJobSubject } from '../../../shared/wire/subjects.ts';
import { refusalOf } from '../../unit/support.ts';
import type { MemoryBroker } from '../support/memory-broker.ts';
import { event, FAIR_JOBS, isJob, setup } from './redrive-setup.ts';
import { deadLetter } from './stored-letters.ts';

describe('a redrive of many', () => {
  const command = {
    tenant: 'acme',
    operation: undefined,
    reason: undefined,
    tags: [],
    limit: 100,
    from: 1,
    to: undefined,
    carrier: {},
  };
  const deadLetters = [1, 2, 3].map((seq) => deadLetter(seq, {}, `job-${seq}`));

  /** A broker that holds each publish of a job until the test lets it through. */
  const holding = (broker: MemoryBroker) => {
    const held: (() => void)[] = [];
    const publish = broker.publish.bind(broker);
    vi.spyOn(broker, 'publish').mockImplementation(async (...message) => {
      await new Promise<void>((resolve) => held.push(resolve));
      return await publish(...message);
    });
    return held;
  };
  const turn = () => new Promise(setImmediate);

  it('goes on at its cursor, and stops at the last dead letter of the first request', async () => {
    const { broker, parts } = setup({ DEAD: deadLetters });
    const first = await redriveMany(parts, broker, { ...command, limit: 2 });
    expect(first).toEqual({ redriven: ['job-1', 'job-2'], failed: [], cursor: '3-3' });
    const grown = setup({ DEAD: [...deadLetters, deadLetter(4, {}, 'job-1')] });
    const rest = await redriveMany(grown.parts, grown.broker, { ...command, from: 3, to: 3 });
    expect(rest).toEqual({ redriven: ['job-3'], failed: [] });
  });

  it('reports each job, and redrives only those that died for the reason', async () => {
    const { broker, parts } = setup({
      DEAD: deadLetters,
      EVENTS: [1, 2, 3].map((seq) => event('started', {}, seq, `job-${seq}`)),
    });
    const failed = deadLetters.map((_, index) => ({ id: `job-${index + 1}`, code: 'not-dead' }));
    expect(await redriveMany(parts, broker, command)).toEqual({ redriven: [], failed });
    expect(await redriveMany(parts, broker, { ...command, reason: 'other' })).toEqual({
      redriven: [],
      failed: [],
    });
  });

  it('takes only dead letters that have all the tags', async () => {
    const tagged = (seq: number, tags: string) => deadLetter(seq, { 'throughline-tags': tags }, `job-${seq}`);
    const { broker, parts } = setup({ DEAD: [tagged(1, 'a'), tagged(2, 'b,a'), deadLetter(3, {}, 'job-3')] });
    expect(await redriveMany(parts, broker, { ...command, tags: ['a', 'b'] })).toEqual({
      redriven: ['job-2'],
      failed: [],
    });
  });

  it('stops at a quota of its tenant, and its cursor leads to the dead letters that are left', async () => {
    const { broker, parts, left } = setup({ DEAD: deadLetters }, false, 2);
    const report = { redriven: ['job-1', 'job-2'], failed: [], stopped: 'quota-exceeded', cursor: '3-3' };
    expect(await redriveMany(parts, broker, command)).toEqual(report);
    expect(left()).toEqual(['job-3']);
    const refused = await refusalOf(() => redriveMany(parts, broker, { ...command, from: 3, to: 3 }));
    expect(refused).toMatchObject({ code: 'quota-exceeded', quota: { name: 'jobs', limit: 2, left: 0 } });
  });

  it('reports what was done when the connection is lost on the way', async () => {
    const { broker, parts } = setup({ DEAD: [...deadLetters.slice(0, 1), deadLetter(101, {}, 'job-2')] });
    broker.pageLimit = 1;
    broker.fail('nextMessage');
    expect(await redriveMany(parts, broker, command)).toEqual({
      redriven: ['job-1'],
      failed: [],
      stopped: 'broker-unavailable',
      cursor: '2-101',
    });
  });

  it('leaves a line of what went wrong when it stops for a fault of ours', async () => {
    const { broker, parts } = setup({ DEAD: [...deadLetters.slice(0, 1), deadLetter(101, {}, 'job-2')] });
    broker.pageLimit = 1;
    vi.spyOn(broker, 'nextMessage').mockRejectedValue(new TypeError('x is not a function'));
    const error = vi.spyOn(parts.log, 'error');
    expect(await redriveMany(parts, broker, command)).toMatchObject({ stopped: 'internal' });
    expect(error.mock.calls).toEqual([['a redrive failed', { reason: 'x is not a function' }]]);
  });

  /** The queue takes no job whose subject has this text, for this reason. */
  const refusing = (broker: MemoryBroker, text: string, code: 'stream-full' | 'broker-unavailable') => {
    const publish = broker.publish.bind(broker);
    vi.spyOn(broker, 'publish').mockImplementation(async (subject, ...message) => {
      await turn();
      if (subject.includes(text)) throw new ThroughlineError(code, 'the queue does not take it');
      return await publish(subject, ...message);
    });
  };

  it.each(['broker-unavailable', 'stream-full'] as const)(
    'leaves what the queue could not take, so that its cursor leads there: %s',
    async (code) => {
      const { broker, parts, left } = setup({ DEAD: deadLetters });
      refusing(broker, 'job-2', code);
      expect(await redriveMany(parts, broker, command)).toEqual({
        redriven: ['job-1', 'job-3'],
        failed: [],
        stopped: code,
        cursor: '2-3',
      });
      expect(left()).toEqual(['job-2']);
      vi.mocked(broker.publish).mockRestore();
      expect(await redriveMany(parts, broker, { ...command, from: 2, to: 3 })).toEqual({
        redriven: ['job-2'],
        failed: [],
      });
    },
  );

  it.each(['broker-unavailable', 'stream-full'] as const)(
    'starts no other redrive once the queue could not take one, and fails if nothing was redriven: %s',
    async (code) => {
      const { broker, parts } = setup({
        DEAD: [1, 2].map((n) => deadLetter(n, { 'throughline-ordering-key': 'k' }, `job-${n}`)),
      });
      refusing(broker, 'jobs.', code);
      expect(await refusalOf(() => redriveMany(parts, broker, command))).toMatchObject({ code });
      expect(broker.publish).toHaveBeenCalledTimes(1);
    },
  );

  it('redrives those of a page at the same time, and reports the oldest first', async () => {
    const ids = Array.from({ length: 100 }, (_, n) => `job-${n + 1}`);
    const { broker, parts, left } = setup({ DEAD: ids.map((id, n) => deadLetter(n + 1, {}, id)) });
    const held = holding(broker);
    const report = redriveMany(parts, broker, command);
    await turn();
    expect(held).toHaveLength(100);
    for (const letThrough of held.splice(0).reverse()) letThrough();
    expect(await report).toEqual({ redriven: ids, failed: [] });
    expect([broker.calls('page'), broker.calls('nextMessage')]).toEqual([1, 0]);
    expect(left()).toEqual([]);
  });

  it('holds no more than a few MiB of them at a time', async () => {
    const MIB = 1024 * 1024;
    const large = [1, 2, 3, 4, 5, 6].map((n) => ({
      ...deadLetter(n, {}, `job-${n}`),
      data: writeJson('x'.repeat(MIB)),
    }));
    const { broker, parts } = setup({ DEAD: large });
    parts.quotasOf = () => ({ ...NO_USAGE, jobs: 100, bytes: 100 * MIB, storedBytes: 1e6 });
    const held = holding(broker);
    const report = redriveMany(parts, broker, command);
    const together: number[] = [];
    for (let begun = 0; begun < 6; begun += together.at(-1) ?? 6) {
      await turn();
      together.push(held.length);
      for (const letThrough of held.splice(0)) letThrough();
      await turn();
    }
    expect(together).toEqual([3, 3]);
    expect((await report).redriven).toHaveLength(6);
  });

  it('looks no further for what it selects when its time is over', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { broker, parts } = setup({ DEAD: deadLetters });
    broker.before('page', () => vi.setSystemTime(Date.now() + 60_000));
    expect(await redriveMany(parts, broker, { ...command, reason: 'other' })).toEqual({
      redriven: [],
      failed: [],
      cursor: '1-3',
    });
  });

  it('redrives those of one ordering key one after the other, also up to its limit', async () => {
    const keys = ['k', 'k', 'other', 'k', 'k'];
    const { broker, parts, written } = setup({
      DEAD: keys.map((key, n) => deadLetter(n + 1, { 'throughline-ordering-key': key }, `job-${n + 1}`)),
    });
    const held = holding(broker);
    const report = redriveMany(parts, broker, { ...command, limit: 4 });
    const together: number[] = [];
    for (let n = 0; n < 3; n++) {
      await turn();
      together.push(held.length);
      for (const letThrough of held.splice(0)) letThrough();
    }
    expect(together).toEqual([2, 1, 1]);
    expect(await report).toEqual({
      redriven: ['job-1', 'job-2', 'job-3', 'job-4'],
      failed: [],
      cursor: '5-5',
    });
    const sent = written().flatMap(
      ({ headers }) => headers['Nats-Msg-Id']?.match(/^(job-.):redrive:/)?.[1] ?? [],
    );
    expect(sent.filter((id) => id !== 'job-3')).toEqual(['job-1', 'job-2', 'job-4']);
  });

  it('begins none after its time, and its cursor leads to the first that waited', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { broker, parts, left } = setup({
      DEAD: [1, 2, 3].map((n) => deadLetter(n, { 'throughline-ordering-key': 'k' }, `job-${n}`)),
    });
    const held = holding(broker);
    const report = redriveMany(parts, broker, command);
    await turn();
    vi.setSystemTime(Date.now() + 60_000);
    held[0]?.();
    expect(await report).toEqual({ redriven: ['job-1'], failed: [], cursor: '2-3' });
    expect(left()).toEqual(['job-2', 'job-3']);
  });

  it('leaves the one that a quota refused twice, and does not yet report what failed after it', async () => {
    const { broker, parts, left } = setup({
      DEAD: [1, 2, 3, 4].map((seq) => deadLetter(seq, {}, `job-${seq}`)),
      EVENTS: [event('started', {}, 1, 'job-1'), event('started', {}, 3, 'job-3')],
    });
    const restart = parts.usage.restart.bind(parts.usage);
    const refusing = vi.spyOn(parts.usage, 'restart');
    const refuse = () =>
      turn().then(() => Promise.reject(new ThroughlineError('quota-exceeded', 'the quota bytes is used up')));
    // The second dead letter, the fourth, and the second again.
    refusing.mockImplementationOnce(refuse).mockImplementationOnce(restart).mockImplementationOnce(refuse);
    expect(await redriveMany(parts, broker, command)).toEqual({
      redriven: ['job-4'],
      failed: [{ id: 'job-1', code: 'not-dead' }],
      stopped: 'quota-exceeded',
      cursor: '2-4',
    });
    expect(left()).toEqual(['job-1', 'job-2', 'job-3']);
    refusing.mockImplementation(restart);
    expect(await redriveMany(parts, broker, { ...command, from: 2, to: 4 })).toEqual({
      redriven: ['job-2'],
      failed: [{ id: 'job-3', code: 'not-dead' }],
    });
  });

  /** Dead letters at a bridge whose NATS and index take their time, and how many other jobs the index counts. */
  const busy = (letters: number, maxJobs: number, headers: Record<string, string> = {}) => {
    const ids = Array.from({ length: letters }, (_, n) => `job-${n + 1}`);
    const DEAD = ids.map((id, n) => deadLetter(n + 1, headers, id));
    const { broker, parts, written } = setup({ DEAD }, false, maxJobs);
    const index = { others: 0 };
    const publish = broker.publish.bind(broker);
    vi.spyOn(broker, 'publish').mockImplementation((...message) => turn().then(() => publish(...message)));
    const count = async () => {
      await turn();
      const redriven = broker.published.filter(({ subject }) => subject.startsWith('events.')).length;
      await turn();
      return { ...NO_USAGE, jobs: index.others + redriven };
    };
    const usage = new UsageBook({ fairJobs: FAIR_JOBS, count });
    return { broker, parts: { ...parts, usage }, written, index, ids };
  };

  it.each([
    [55, 60],
    [100, 110],
    [100, 100],
  ])('redrives all %i if a quota of %i has room for them', async (letters, maxJobs) => {
    const { broker, parts, ids } = busy(letters, maxJobs);
    expect(await redriveMany(parts, broker, command)).toEqual({ redriven: ids, failed: [] });
  });

  it('fills a quota to the last job, and no further', async () => {
    const { broker, parts, index, ids } = busy(60, 50);
    index.others = 7;
    expect(await redriveMany(parts, broker, command)).toEqual({
      redriven: ids.slice(0, 43),
      failed: [],
      stopped: 'quota-exceeded',
      cursor: '44-60',
    });
  });

  it('counts what other bridges accepted since the last report, if that is old', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { broker, parts, index } = busy(30, 100);
    await parts.usage.restart('acme', NO_USAGE, parts.quotasOf(), async () => undefined);
    index.others = 99;
    vi.setSystemTime(Date.now() + 3_600_000);
    expect(await redriveMany(parts, broker, command)).toEqual({
      redriven: ['job-1'],
      failed: [],
      stopped: 'quota-exceeded',
      cursor: '2-30',
    });
  });

  it('keeps the order of one ordering key when a quota refuses one at first', async () => {
    const { broker, parts, written, ids } = busy(3, 100, { 'throughline-ordering-key': 'k' });
    const restart = parts.usage.restart.bind(parts.usage);
    const refuse = () => Promise.reject(new ThroughlineError('quota-exceeded', 'the quota jobs is used up'));
    vi.spyOn(parts.usage, 'restart').mockImplementationOnce(refuse).mockImplementation(restart);
    expect(await redriveMany(parts, broker, command)).toEqual({ redriven: ids, failed: [] });
    const sent = written().filter(isJob);
    expect(sent.map(({ subject }) => parseJobSubject(subject)?.jobId)).toEqual(ids);
  });

  it('says that a quota refused one, if there was no time to try it again', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { broker, parts } = setup({ DEAD: deadLetters });
    vi.spyOn(parts.usage, 'restart').mockImplementation(async () => {
      vi.setSystemTime(Date.now() + 60_000);
      throw new ThroughlineError('quota-exceeded', 'the quota jobs is used up');
    });
    expect(await refusalOf(() => redriveMany(parts, broker, command))).toMatchObject({
      code: 'quota-exceeded',
    });
  });

  it('says that a quota is used up, rather than what failed after the first refusal', async () => {
    const { broker, parts } = setup(
      { DEAD: deadLetters, EVENTS: [event('started', {}, 2, 'job-2')] },
      false,
      0,
    );
    expect(await refusalOf(() => redriveMany(parts, broker, command))).toMatchObject({
      code: 'quota-exceeded',
    });
  });
});
