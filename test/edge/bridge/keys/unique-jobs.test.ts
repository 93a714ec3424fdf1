import { describe, expect, it } from 'vitest';
import type { SubmitCommand } from '../../../../edge/calls/commands.ts';
import { ThroughlineError, unavailable } from '../../../../shared/errors.ts';
import type { JobSpec } from '../../../../shared/job/job-spec.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import { hostOf } from '../../support/announcements.ts';
import { command, ECHO, KEY, QUOTAS, setup } from '../submit-support.ts';

const AT = Date.parse('2026-01-01T00:00:00.000Z');

interface More {
  readonly rule?: Partial<NonNullable<SubmitCommand['unique']>>;
  readonly spec?: JobSpec;
  /** Milliseconds after the first job. */
  readonly afterMs?: number;
}

/** A submission with the unique key `k`. */
function unique(jobId: string, { rule, spec, afterMs = 0 }: More = {}): SubmitCommand {
  return {
    ...command(jobId, spec),
    acceptedAt: new Date(AT + afterMs).toISOString(),
    unique: { key: 'k', while: 'running', ...rule },
  };
}

/** A bridge in front of streams that tests write events to. */
function bridge(settings?: Parameters<typeof setup>[0]) {
  const parts = setup(settings);
  const { broker, sql } = parts;
  let sequence = 0;
  const store = (jobId: string, data: Uint8Array): void => {
    sequence++;
    const message = { sequence, headers: undefined, time: new Date(AT), data };
    broker.store('EVENTS', { ...message, subject: `events.acme.${jobId}` });
  };
  return {
    ...parts,
    store,
    /** A worker records an event of a job. */
    record: (jobId: string, kind: string, fingerprint?: string): void => {
      const facts = { attempt: 1, maxAttempts: 5, released: 0, worker: 'w', traceId: '', spanId: '' };
      const at = new Date(AT).toISOString();
      store(jobId, writeJson({ kind, jobId, operation: 'echo', ...facts, acceptedAt: at, at, fingerprint }));
    },
    /** The jobs that the bridge counts as perhaps there. */
    known: (): string[] =>
      [...sql.exec<{ job_id: string }>('SELECT job_id FROM unique_jobs ORDER BY job_id')].map(
        ({ job_id }) => job_id,
      ),
    ids: async (...commands: readonly SubmitCommand[]): Promise<string[]> => {
      const results = await Promise.all(commands.map((one) => parts.submit(one)));
      return results.map(({ job }) => job.id);
    },
  };
}

const many = (count: number): SubmitCommand[] =>
  Array.from({ length: count }, (_, n) => unique(`job-${n}`, { rule: { while: 'queued' } }));

describe('a job with a unique key', () => {
  it('is the answer to the next submission with this key, and says so', async () => {
    const { submit, subjects } = bridge();
    expect(await submit(unique('job-1'))).not.toHaveProperty('existing');
    expect(await submit(unique('job-2'))).toMatchObject({
      job: { id: 'job-1', state: 'queued' },
      existing: true,
      replayed: false,
    });
    expect(subjects()).toEqual(['jobs.normal.p3.acme.job-1.echo']);
  });

  it('does not stand for a job of another key, operation or tenant, or for one without a key', async () => {
    const { ids, broker } = bridge();
    broker.operations.put('other', writeJson({ ...ECHO, name: 'other' }));
    broker.hosts.put('host-2', writeJson(hostOf(['other'])));
    await ids(unique('job-1'));
    const others = [
      unique('job-2', { rule: { key: 'k2' } }),
      { ...unique('job-3'), operation: 'other' },
      { ...unique('job-4'), tenant: 'globex' },
      command('job-5'),
    ];
    expect(await ids(...others)).toEqual(['job-2', 'job-3', 'job-4', 'job-5']);
  });

  it.each([
    ['started', 'queued', 'job-2'],
    ['started', 'running', 'job-1'],
    ['retrying', 'queued', 'job-2'],
    ['retrying', 'running', 'job-1'],
    ['released', 'queued', 'job-1'],
    ['succeeded', 'running', 'job-2'],
    ['failed', 'running', 'job-2'],
    ['cancelled', 'running', 'job-2'],
    ['redriven', 'running', 'job-1'],
  ] as const)('that has %s, while %s: the answer is %s', async (kind, state, answer) => {
    const { ids, record } = bridge();
    await ids(unique('job-1'));
    record('job-1', kind);
    expect(await ids(unique('job-2', { rule: { while: state } }))).toEqual([answer]);
  });

  it('stands for later ones as long as they say, counted from the time it was accepted', async () => {
    const { ids } = bridge();
    await ids(unique('job-1'));
    expect(await ids(unique('job-2', { rule: { for: 1_000 }, afterMs: 1_000 }))).toEqual(['job-1']);
    expect(await ids(unique('job-3', { rule: { for: 1_000 }, afterMs: 1_001 }))).toEqual(['job-3']);
    expect(await ids(unique('job-4', { afterMs: 2_000 }))).toEqual(['job-3']);
  });

  it('that runs still counts when a younger one of its key has ended', async () => {
    const { ids, record } = bridge();
    await ids(unique('job-1'));
    record('job-1', 'started');
    await ids(unique('job-2', { rule: { while: 'queued' }, afterMs: 1 }));
    record('job-2', 'cancelled');
    expect(await ids(unique('job-3', { afterMs: 2 }))).toEqual(['job-1']);
  });

  it('is found behind any number of younger ones that have ended', async () => {
    const { ids, record, known } = bridge({ quotas: { ...QUOTAS, jobs: 1_000 } });
    await ids(unique('job-0'));
    for (let n = 1; n <= 40; n++) {
      // With so short a time nobody looks at the others.
      await ids(unique(`job-${n}`, { rule: { for: 1 }, afterMs: n * 10 }));
      record(`job-${n}`, 'succeeded');
    }
    expect(await ids(unique('late', { afterMs: 1_000 }))).toEqual(['job-0']);
    expect(known()).toEqual(['job-0']);
  });

  it('is not made while more jobs of its key are unfinished than one request looks at', async () => {
    const { ids, submit, record } = bridge({ quotas: { ...QUOTAS, jobs: 1_000 } });
    for (let n = 0; n <= 256; n++) {
      await ids(unique(`job-${n}`, { rule: { while: 'queued', for: 1 }, afterMs: n * 10 }));
      record(`job-${n}`, 'started');
    }
    const late = unique('late', { rule: { while: 'queued' }, afterMs: 10_000 });
    await expect(submit(late)).rejects.toMatchObject({ code: 'quota-exceeded', retryAfterSeconds: 5 });
    record('job-256', 'succeeded');
    // This request takes the job that has ended out of the table, and so the next one looks at all.
    await expect(submit(late)).rejects.toMatchObject({ code: 'quota-exceeded' });
    expect(await ids(late)).toEqual(['late']);
  });

  it('is forgotten when its record cannot be read, so that its key is not lost', async () => {
    const { ids, store } = bridge();
    await ids(unique('job-1'));
    store('job-1', writeJson('no event'));
    expect(await ids(unique('job-2'))).toEqual(['job-2']);
  });

  it('counts after a restart of its bridge', async () => {
    const { ids, restart } = bridge();
    await ids(unique('job-1'));
    restart();
    expect(await ids(unique('job-2'))).toEqual(['job-1']);
  });
});

describe('fifty submissions with one unique key at the same moment make one job', () => {
  it.each([
    ['NATS is there', {}],
    ['NATS does not acknowledge it', { fails: true }],
    ['NATS is away', { isAway: true }],
  ])('%s', async (_what, { fails = false, isAway = false }: { fails?: boolean; isAway?: boolean }) => {
    const one = bridge();
    await one.ids(command('other'));
    if (fails) one.broker.fail('publish');
    one.nats.isAway = isAway;
    const ids = await one.ids(...many(50));
    expect(new Set(ids).size).toBe(1);
    const { pending } = one.outbox.status(0);
    const published = one.subjects().filter((subject) => subject.includes('.job-')).length;
    expect(pending + (pending > 0 ? 0 : published)).toBe(1);
  });

  it('and each of two waiters that the first answer does not suit is looked at anew', async () => {
    const { ids, record } = bridge();
    await ids(unique('job-1'));
    record('job-1', 'started');
    const queued = { rule: { while: 'queued' } } as const;
    expect(await ids(unique('job-2'), unique('job-3', queued), unique('job-4', queued))).toEqual([
      'job-1',
      'job-3',
      'job-3',
    ]);
  });
});

describe('a submission with a unique key that fails', () => {
  it('leaves the key to the next one', async () => {
    const { submit, ids, known, broker } = bridge();
    broker.before('publish', (nth) => {
      if (nth === 1) throw new ThroughlineError('stream-full', 'the queue is full');
    });
    await expect(submit(unique('job-1'))).rejects.toMatchObject({ code: 'stream-full' });
    expect(known()).toEqual([]);
    expect(await ids(unique('job-2'))).toEqual(['job-2']);
  });

  it('does not fail those that wait for it', async () => {
    const { submit, broker } = bridge();
    broker.before('publish', (nth) => {
      if (nth === 1) throw new ThroughlineError('stream-full', 'the queue is full');
    });
    const results = await Promise.allSettled([submit(unique('job-1')), submit(unique('job-2'))]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });

  it('for a quota leaves no trace', async () => {
    const { submit, known } = bridge({ quotas: { ...QUOTAS, jobs: 0 } });
    await expect(submit(unique('job-1'))).rejects.toMatchObject({ code: 'quota-exceeded' });
    expect(known()).toEqual([]);
  });
});

describe('while NATS is away, a unique key', () => {
  it('whose job NATS has makes no job: nobody can tell whether that one is there', async () => {
    const { submit, ids, nats, outbox } = bridge();
    await ids(unique('job-1'));
    nats.isAway = true;
    await expect(submit(unique('job-2'))).rejects.toMatchObject({ code: 'broker-unavailable' });
    expect(outbox.status(0).pending).toBe(0);
    nats.isAway = false;
    expect(await ids(unique('job-3'))).toEqual(['job-1']);
  });

  it('whose job may be at NATS makes no job either', async () => {
    const { submit, ids, nats, broker } = bridge();
    broker.before('publish', () => {
      throw unavailable('the answer is lost');
    });
    await ids(unique('job-1'));
    nats.isAway = true;
    await expect(submit(unique('job-2'))).rejects.toMatchObject({ code: 'broker-unavailable' });
  });

  it('whose job was cancelled in the outbox makes a new one', async () => {
    const { ids, nats, outbox } = bridge();
    await ids(command('other'));
    nats.isAway = true;
    await ids(unique('job-1'));
    outbox.cancel(outbox.findPending('acme', 'job-1')?.position ?? 0, new Date(AT).toISOString());
    expect(await ids(unique('job-2'))).toEqual(['job-2']);
  });
});

describe('an idempotency key together with a unique key', () => {
  const keyed = { spec: { fingerprint: KEY } };

  it('stands for the first answer, even when the job of that answer has ended', async () => {
    const { submit, ids, record, restart } = bridge();
    await ids(unique('job-1'));
    expect(await submit(unique('ik_2', keyed))).toMatchObject({ job: { id: 'job-1' }, replayed: false });
    record('job-1', 'succeeded');
    restart();
    expect(await submit(unique('ik_2', keyed))).toMatchObject({
      job: { id: 'job-1', state: 'succeeded' },
      replayed: true,
      existing: true,
    });
    expect(await ids(unique('ik_3', keyed))).toEqual(['ik_3']);
  });

  it('stands for one request', async () => {
    const { submit, ids } = bridge();
    await ids(unique('job-1'));
    await submit(unique('ik_2', keyed));
    const other = unique('ik_2', { spec: { fingerprint: 'a'.repeat(64) } });
    await expect(submit(other)).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  });

  it('of a new job is a replay, not a job that is there', async () => {
    const { submit, ids } = bridge();
    await ids(unique('ik_1', keyed));
    const replay = await submit(unique('ik_1', keyed));
    expect(replay).toMatchObject({ job: { id: 'ik_1' }, replayed: true });
    expect(replay).not.toHaveProperty('existing');
  });

  it('of two requests at the same moment makes one job, which stands for its own unique key', async () => {
    const { submit, ids } = bridge();
    const other = unique('ik_1', { rule: { key: 'k2' }, spec: { fingerprint: 'a'.repeat(64) } });
    const both = await Promise.allSettled([submit(unique('ik_1', keyed)), submit(other)]);
    expect(both).toMatchObject([
      { status: 'fulfilled', value: { replayed: false } },
      { status: 'rejected', reason: { code: 'idempotency-key-reused' } },
    ]);
    expect(await ids(unique('job-2'))).toEqual(['ik_1']);
  });

  it('of two requests at the same moment makes the job of the second one if the first one fails; that job stands for its unique key', async () => {
    const { submit, broker } = bridge();
    broker.before('publish', (nth) => {
      if (nth === 1) throw new ThroughlineError('stream-full', 'the queue is full');
    });
    const second = unique('ik_1_0000000b', { rule: { key: 'k2' }, spec: { fingerprint: 'a'.repeat(64) } });
    const both = await Promise.allSettled([submit(unique('ik_1_0000000a', keyed)), submit(second)]);
    expect(both).toMatchObject([{ reason: { code: 'stream-full' } }, { value: { replayed: false } }]);
    const answer = await submit(unique('job-2', { rule: { key: 'k2' } }));
    expect(answer).toMatchObject({ job: { id: expect.stringMatching(/^ik_1_/) }, existing: true });
  });

  it('of two requests with one unique key at the same moment is a replay, or belongs to one of them', async () => {
    const { submit } = bridge();
    const same = await Promise.all([submit(unique('ik_1', keyed)), submit(unique('ik_1', keyed))]);
    expect(same.map(({ replayed, existing }) => [replayed, existing])).toEqual([
      [false, undefined],
      [true, undefined],
    ]);
    const other = unique('ik_1', { spec: { fingerprint: 'a'.repeat(64) } });
    const again = bridge();
    const both = await Promise.allSettled([again.submit(unique('ik_1', keyed)), again.submit(other)]);
    expect(both).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'idempotency-key-reused' } },
    ]);
  });

  it('that belongs to another request does not make its job stand for the unique key', async () => {
    const { ids, nats, record } = bridge();
    await ids(command('other'));
    nats.isAway = true;
    await ids(unique('ik_1', keyed));
    nats.isAway = false;
    record('ik_1', 'started', 'b'.repeat(64));
    expect(await ids(unique('job-2'))).toEqual(['job-2']);
  });
});

it('the jobs that have ended leave the table as others come', async () => {
  const { ids, record, known, sql } = bridge();
  const keys = Array.from({ length: 6 }, (_, n) => unique(`job-${n}`, { rule: { key: `k${n}` } }));
  await ids(...keys);
  for (const { jobId } of keys.slice(0, 4)) record(jobId, 'succeeded');
  // They were looked at more than a minute ago.
  sql.exec('UPDATE unique_jobs SET checked_at = 0 WHERE checked_at > ?', 0);
  await ids(unique('new-1', { rule: { key: 'new-1' } }));
  await ids(unique('new-2', { rule: { key: 'new-2' } }));
  await ids(unique('new-3', { rule: { key: 'new-3' } }));
  await expect.poll(known).toEqual(['job-4', 'job-5', 'new-1', 'new-2', 'new-3']);
});
