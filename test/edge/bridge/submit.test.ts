import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { SubmitCommand } from '../../../edge/calls/commands.ts';
import { statusOf } from '../../../shared/error-table.ts';
import { unavailable } from '../../../shared/errors.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { refusalOf } from '../../unit/support.ts';
import { hostOf } from '../support/announcements.ts';
import { command, ECHO, KEY, QUOTAS, setup, submitted } from './submit-support.ts';

describe('a job that is submitted', () => {
  it('is published while NATS can be reached', async () => {
    const { submit: send, subjects, outbox } = setup();
    const { job, replayed } = await send(command('job-1'));
    expect([job.state, job.durability, job.maxAttempts, replayed]).toEqual(['queued', 'stream', 5, false]);
    expect(subjects()).toEqual(['jobs.normal.p3.acme.job-1.echo']);
    expect(outbox.status(0)).toMatchObject({ pending: 0, published: 0 });
  });

  it('is pending and unsent while NATS is away', async () => {
    const { submit: send, subjects, outbox, nats } = setup();
    await send(command('job-1'));
    nats.isAway = true;
    expect((await send(command('job-2'))).job.durability).toBe('outbox');
    expect(outbox.findPending('acme', 'job-2')?.publication).toBe('unsent');
    expect(subjects()).toEqual(['jobs.normal.p3.acme.job-1.echo']);
  });

  it('is pending and unanswered when NATS does not acknowledge it', async () => {
    const { submit: send, outbox, broker } = setup();
    broker.fail('publish');
    expect((await send(command('job-1'))).job.durability).toBe('outbox');
    expect(outbox.findPending('acme', 'job-1')?.publication).toBe('unanswered');
  });

  it('waits after the jobs that are pending already', async () => {
    const { submit: send, outbox, subjects, nats } = setup();
    await send(command('job-1'));
    nats.isAway = true;
    await send(command('job-2'));
    nats.isAway = false;
    await send(command('job-3'));
    expect(outbox.takeNext(10, 1_000).map(({ job }) => job.jobId)).toEqual(['job-2', 'job-3']);
    expect(subjects()).toEqual(['jobs.normal.p3.acme.job-1.echo']);
  });

  it('goes to the outbox first with ACK_MODE=outbox', async () => {
    const { submit: send, subjects, outbox } = setup({ ackMode: 'outbox' });
    expect((await send(command('job-1'))).job.durability).toBe('outbox');
    expect([subjects(), outbox.hasPending]).toEqual([[], true]);
  });

  it('stays in the outbox as published with OUTBOX_KEEP=ended', async () => {
    const { submit: send, outbox } = setup({ keepUntilEnded: true });
    expect((await send(command('job-1'))).job.durability).toBe('stream');
    expect(outbox.findPublished('acme', 'job-1')?.publication).toBe('published');
  });

  it('is refused when it asks for more than its operation allows', async () => {
    const { submit: send, subjects } = setup();
    const refusal = await refusalOf(() => send(command('job-1', { maxAttempts: 6 })));
    expect([refusal.code, refusal.violations[0]?.path]).toEqual(['request-invalid', '/maxAttempts']);
    expect(subjects()).toEqual([]);
  });
});

describe('a job whose operation no host serves', () => {
  it('is accepted with a sign, which it loses when a host serves the operation', async () => {
    const { submit: send, broker, subjects, counts } = setup();
    broker.hosts.put('host-1', undefined);
    const { job } = await send(command('job-1', { fingerprint: KEY }));
    expect([job.served, subjects(), counts.unservedJobs]).toEqual([
      false,
      ['jobs.normal.p3.acme.job-1.echo'],
      1,
    ]);
    broker.hosts.put('host-2', writeJson(hostOf(['echo'])));
    expect((await send(command('job-2'))).job).not.toHaveProperty('served');
    expect(counts.unservedJobs).toBe(1);
  });

  it('is refused with UNSERVED_OPERATIONS=refuse', async () => {
    const { submit: send, broker, subjects } = setup({ refusesUnserved: true });
    broker.hosts.put('host-1', writeJson(hostOf(['other'])));
    const refusal = await refusalOf(() => send(command('job-1')));
    expect([refusal.code, statusOf(refusal), refusal.retryAfterSeconds]).toEqual([
      'operation-unserved',
      503,
      5,
    ]);
    expect(subjects()).toEqual([]);
  });

  it('gets no sign while it is not known which hosts are alive', async () => {
    const { submit: send, broker, nats } = setup({ refusesUnserved: true });
    broker.hosts.put('host-1', undefined);
    broker.before('watchBucket', (nth) => {
      if (nth > 1) throw unavailable('there is no bucket HOSTS');
    });
    expect((await send(command('job-1'))).job).not.toHaveProperty('served');
    nats.isAway = true;
    expect((await send(command('job-2'))).job).not.toHaveProperty('served');
  });
});

it('a job without an idempotency key waits for the first bridge once, for 2 s at most', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { submit: send, keysSince, subjects } = setup();
  keysSince.ask = () => new Promise(() => undefined);
  const first = send(command('job-1'));
  await vi.advanceTimersByTimeAsync(2_000);
  await first;
  await send(command('job-2'));
  expect(subjects()).toEqual(['jobs.normal.p3.acme.job-1.echo', 'jobs.normal.p3.acme.job-2.echo']);
});

it('a job with a new idempotency key is looked up twice in the table of keys: before its checks, and in the turn of its key', async () => {
  const { submit: send, keysSince, sql, broker, restart } = setup();
  keysSince.ask = async () => 0;
  // The bridge knows all keys.
  sql.exec('UPDATE known_keys_since SET since = ?', 0);
  restart();
  await send(command('other'));
  const exec = vi.spyOn(sql, 'exec');
  await send(command('job-1', { fingerprint: KEY }));
  expect(exec.mock.calls.filter(([query]) => /FROM known_keys WHERE job_id/.test(query))).toHaveLength(2);
  expect(broker.calls('lastMessage')).toBe(0);
});

describe('an idempotency key that comes again', () => {
  it.each([false, true])('stands for the first job, NATS away: %s', async (isAway) => {
    const { submit: send, nats } = setup();
    await send(command('other'));
    nats.isAway = isAway;
    expect((await send(command('job-1', { fingerprint: KEY }))).replayed).toBe(false);
    expect((await send(command('job-1', { fingerprint: KEY }))).replayed).toBe(true);
    const refusal = await refusalOf(() => send(command('job-1', { fingerprint: 'a'.repeat(64) })));
    expect(refusal.code).toBe('idempotency-key-reused');
  });

  it.each([
    ['ik_1', 'ik_1_12345678'],
    ['ik_1_12345678', 'ik_1'],
    ['ik_1_12345678', 'ik_1_abcdef01'],
  ])('stands for the first job, %s, if its ordering key makes another id, %s', async (first, second) => {
    const { submit: send, subjects } = setup();
    await send(command(first, { fingerprint: KEY }));
    const again = await send(command(second, { fingerprint: KEY }));
    expect([again.replayed, again.job.id]).toEqual([true, first]);
    const refusal = await refusalOf(() => send(command(second, { fingerprint: 'a'.repeat(64) })));
    expect(refusal.code).toBe('idempotency-key-reused');
    await send(command('ik_11_12345678', { fingerprint: KEY }));
    expect(subjects()).toHaveLength(2);
  });

  it('stands for the first job even if the worker left the fingerprint out of its events', async () => {
    const { submit: send, broker } = setup();
    const at = '2026-01-01T00:00:01.000Z';
    const job = {
      jobId: 'job-1',
      operation: 'echo',
      attempt: 1,
      maxAttempts: 5,
      released: 0,
      acceptedAt: at,
    };
    const data = writeJson({ ...job, kind: 'succeeded', at, worker: 'other', traceId: '', spanId: '' });
    const message = { sequence: 1, headers: undefined, time: new Date(at), data };
    broker.store('EVENTS', { ...message, subject: 'events.acme.job-1' });
    expect(await send(command('job-1', { fingerprint: KEY }))).toMatchObject({
      replayed: true,
      job: { id: 'job-1', state: 'succeeded' },
    });
  });

  it('at the same moment stands for one job', async () => {
    const { submit: send } = setup();
    const both = await Promise.all([1, 2].map(() => send(command('job-1', { fingerprint: KEY }))));
    expect(both.map(({ replayed }) => replayed).sort()).toEqual([false, true]);
  });
});

describe('the input of a job', () => {
  const STRICT = { ...ECHO, inputCheck: { type: 'number' } };
  const LOOSE = { ...ECHO, inputCheck: { type: ['number', 'string'] } };

  function setupWith(announcement: object) {
    const parts = setup();
    const announce = (next: object) => parts.broker.operations.put('echo', writeJson(next));
    announce(announcement);
    const ask = (inputCheck?: SubmitCommand['inputCheck']) =>
      parts.answer({ ...command('job-1'), ...(inputCheck === undefined ? {} : { inputCheck }) });
    const digest = async (): Promise<string> => {
      const answer = await ask();
      if (answer.outcome !== 'rules-needed') throw new Error(`the bridge answered ${answer.outcome}`);
      return answer.rules?.digest ?? '';
    };
    return { ...parts, announce, ask, digest };
  }

  it.each([
    ['has no check', ECHO],
    ['has a check that refuses nothing', { ...ECHO, inputCheck: true }],
  ])('needs no check where the operation %s', async (_what, announcement) => {
    const { ask } = setupWith(announcement);
    expect((await ask()).outcome).toBe('submitted');
  });

  it('must be checked: the bridge gives the rules and takes nothing', async () => {
    const { ask, subjects } = setupWith(STRICT);
    expect(await ask()).toEqual({
      outcome: 'rules-needed',
      rules: { digest: expect.stringMatching(/^[0-9a-f]{64}$/), schema: STRICT.inputCheck },
    });
    expect(subjects()).toEqual([]);
  });

  it('that was checked by the rules of the moment is taken with one call', async () => {
    const { ask, digest } = setupWith(STRICT);
    expect((await ask({ digest: await digest(), outcome: 'passed' })).outcome).toBe('submitted');
  });

  it('that was refused by the rules of the moment is not taken', async () => {
    const { ask, digest, subjects } = setupWith(STRICT);
    expect(await ask({ digest: await digest(), outcome: 'refused' })).toEqual({ outcome: 'refused' });
    expect(subjects()).toEqual([]);
  });

  it.each(['passed', 'refused', 'overBudget', 'failed'] as const)(
    'that was checked by other rules is checked again: it had %s',
    async (outcome) => {
      const { ask, announce, digest } = setupWith(STRICT);
      const old = await digest();
      announce(LOOSE);
      expect(await ask({ digest: old, outcome })).toMatchObject({
        outcome: 'rules-needed',
        rules: { schema: LOOSE.inputCheck },
      });
    },
  );

  it('is held against the saved rules while NATS is away', async () => {
    const { ask, digest, nats } = setupWith(STRICT);
    const checked = { digest: await digest(), outcome: 'passed' } as const;
    nats.isAway = true;
    expect((await ask()).outcome).toBe('rules-needed');
    expect((await ask({ ...checked, outcome: 'refused' })).outcome).toBe('refused');
    expect(submitted(await ask(checked)).job.durability).toBe('outbox');
  });

  it('that was refused is the first job of its key all the same', async () => {
    const { answer, broker, submit: send } = setup();
    const keyed = command('job-1', { fingerprint: KEY });
    await send(keyed);
    broker.operations.put('echo', writeJson(STRICT));
    expect(await answer({ ...keyed, inputCheck: { digest: 'x', outcome: 'refused' } })).toMatchObject({
      outcome: 'submitted',
      replayed: true,
    });
  });

  it('that nobody could check is taken, and counted by reason', async () => {
    const { ask, digest, inputChecks } = setupWith(STRICT);
    const rules = await digest();
    await ask({ digest: rules, outcome: 'passed' });
    expect(inputChecks.unchecked).toEqual({ overBudget: 0, failed: 0, rulesChanged: 0 });
    expect((await ask({ digest: rules, outcome: 'overBudget' })).outcome).toBe('submitted');
    expect((await ask({ digest: rules, outcome: 'failed' })).outcome).toBe('submitted');
    expect((await ask({ digest: '', outcome: 'rulesChanged' })).outcome).toBe('submitted');
    expect(inputChecks.unchecked).toEqual({ overBudget: 1, failed: 1, rulesChanged: 1 });
  });
});

describe('the quotas of a tenant', () => {
  it.each([
    ['jobs', { ...QUOTAS, jobs: 2 }],
    ['bytes', { ...QUOTAS, bytes: 15 }],
  ] as const)(
    'refuse a job above %s by their name, and take those of other tenants',
    async (quota, quotas) => {
      const { submit: take } = setup({ quotas });
      await take({ ...command('job-1'), inputJson: '"xxxxx"' });
      await take({ ...command('job-2'), inputJson: '"xxxxx"' });
      const refused = take({ ...command('job-3'), inputJson: '"xxxxx"' });
      await expect(refused).rejects.toMatchObject({
        code: 'quota-exceeded',
        message: expect.stringContaining(`quota ${quota} `),
        quota: { name: quota, limit: quotas[quota] },
      });
      expect((await take({ ...command('job-4'), tenant: 'globex' })).job.state).toBe('queued');
    },
  );

  it('take as many jobs of a batch as fit, and no job above them', async () => {
    const { submit: take, subjects } = setup({ quotas: { ...QUOTAS, jobs: 10 } });
    const all = await Promise.allSettled(Array.from({ length: 30 }, (_, n) => take(command(`job-${n}`))));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    expect(subjects()).toHaveLength(10);
  });

  it('send the jobs of a busy tenant to a bulk lane, and those of others to their pooled lane', async () => {
    const { submit: take, subjects } = setup();
    // Side by side, as the jobs of a batch.
    await Promise.all(Array.from({ length: 6 }, (_, n) => take(command(`job-${n}`))));
    await take({ ...command('job-7'), tenant: 'globex' });
    expect(subjects().map((subject) => subject.split('.')[2]?.[0])).toEqual([
      'p',
      'p',
      'p',
      'p',
      'b',
      'b',
      'p',
    ]);
  });
});

describe('jobs of an operation with a limit by key', () => {
  const limited = (jobId: string, spec: SubmitCommand['spec'] = {}) => ({
    ...command(jobId, spec),
    operation: 'limited',
  });

  it('have lanes of their own, so that those that wait are in nobody’s way', async () => {
    const { submit: take, subjects } = setup();
    await Promise.all(Array.from({ length: 6 }, (_, n) => take(limited(`job-${n}`))));
    expect(subjects().map((subject) => subject.split('.')[2])).toEqual(['l0', 'l0', 'l0', 'l0', 'l1', 'l1']);
  });

  it('cannot have an ordering key, because a job that waits would hold the lane of others', async () => {
    const { submit: take } = setup();
    await expect(take(limited('job-1', { orderingKey: 'a' }))).rejects.toMatchObject({
      code: 'request-invalid',
      violations: [{ path: '/orderingKey' }],
    });
  });
});

describe('jobs of an operation with a limit of rate', () => {
  const SOON = Date.now() + 3_600_000;
  const rated = (jobId: string, spec: SubmitCommand['spec'] = {}) => ({
    ...command(jobId, spec),
    operation: 'rated',
  });
  const roots = (subjects: readonly string[]) =>
    subjects.map((subject) => subject.split('.').slice(0, 3).join('.'));

  it('are delayed until the time that the index gives them, and their callers see when and why', async () => {
    const { submit: take, subjects, startTimes } = setup();
    startTimes.push(Date.now() - 1, SOON);
    expect((await take(rated('job-1'))).job).not.toHaveProperty('dueAt');
    const { job } = await take(rated('job-2'));
    expect(job).toMatchObject({ state: 'queued', dueBy: 'rateLimit', dueAt: new Date(SOON).toISOString() });
    expect(roots(subjects())).toEqual(['jobs.normal.l0', 'delayed.normal.l0']);
  });

  it('do not count as jobs that their caller delayed', async () => {
    const { submit: take, startTimes } = setup({ quotas: { ...QUOTAS, delayedJobs: 0 } });
    startTimes.push(SOON, SOON);
    expect((await take(rated('job-1'))).job.dueBy).toBe('rateLimit');
    expect((await take(rated('job-2'))).job.dueBy).toBe('rateLimit');
    await expect(take(rated('job-3', { dueAt: new Date(SOON).toISOString() }))).rejects.toMatchObject({
      code: 'quota-exceeded',
    });
  });

  it.each<[string, (set: ReturnType<typeof setup>) => void]>([
    ['the index does not answer', ({ startTimes }) => startTimes.splice(0)],
    ['DELAYED has no room', ({ broker }) => void Object.assign(broker.stream('DELAYED'), { cap: 1 })],
  ])('go to the queue at once if %s: the worker keeps the limit', async (_, prepare) => {
    const all = setup();
    all.startTimes.push(SOON);
    prepare(all);
    expect((await all.submit(rated('job-1'))).job).not.toHaveProperty('dueAt');
    expect(roots(all.subjects())).toEqual(['jobs.normal.l0']);
  });

  it('go to the outbox without a time while NATS is away', async () => {
    const { submit: take, startTimes, nats, outbox } = setup();
    await take(command('job-1'));
    startTimes.push(SOON);
    nats.isAway = true;
    await take(rated('job-2'));
    expect(outbox.findPending('acme', 'job-2')?.job.spec).not.toHaveProperty('dueAt');
    expect(startTimes).toEqual([SOON]);
  });

  it('keep the time that their caller asked for', async () => {
    const { submit: take, startTimes } = setup();
    startTimes.push(SOON);
    const dueAt = new Date(SOON + 5_000).toISOString();
    const { job } = await take(rated('job-1', { dueAt }));
    expect(job).toMatchObject({ dueAt });
    expect(job).not.toHaveProperty('dueBy');
    expect(startTimes).toEqual([SOON]);
  });
});
