import { describe, expect, it } from 'vitest';
import type { OutgoingJob } from '../../../edge/jobs/outgoing-job.ts';
import { Outbox } from '../../../edge/outbox/outbox.ts';
import { refusalOf } from '../../unit/support.ts';
import { openSql } from '../support/memory-sql.ts';

const ROOM = { maxRows: 1_000, maxBytes: 1_000_000, keepRejectedMs: 1_000 };
/** No bound of its own. */
const SHARE = { outboxJobs: 1_000, outboxBytes: 1_000_000 };

const job = (jobId: string, more: Partial<OutgoingJob> = {}): OutgoingJob => ({
  tenant: 'acme',
  jobId,
  operation: 'echo',
  acceptedAt: '2026-01-01T00:00:00.000Z',
  spec: { maxAttempts: 5 },
  carrier: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
  ...more,
});

const body = (text = '"hello"'): Uint8Array => new TextEncoder().encode(text);

function setup(limits = ROOM) {
  const sql = openSql();
  const outbox = new Outbox(sql, limits);
  const reopened = (): Outbox => new Outbox(sql, limits);
  const ids = (entries: readonly { job: OutgoingJob }[]): string[] => entries.map((entry) => entry.job.jobId);
  return { sql, outbox, reopened, ids };
}

describe('the queue', () => {
  it('gives jobs back unchanged, first in, first out', () => {
    const { outbox, ids } = setup();
    const first = job('one', {
      spec: { maxAttempts: 5, dueAt: '2026-01-02T00:00:00.000Z', timeoutMs: 5, fingerprint: 'f' },
    });
    outbox.add(first, body(), 'unsent', SHARE);
    outbox.add(job('two'), body('2'), 'unanswered', SHARE);
    const entries = outbox.takeNext(10, 1_000);
    expect(ids(entries)).toEqual(['one', 'two']);
    expect(entries[0]?.job).toEqual(first);
    expect(new TextDecoder().decode(entries[0]?.body)).toBe('"hello"');
  });

  it('counts a try for each job that is taken, and gives the number of earlier tries', () => {
    const { outbox } = setup();
    for (const id of ['a', 'b', 'c']) outbox.add(job(id), body(), 'unsent', SHARE);
    expect(outbox.takeNext(2, 1_000).map(({ tries }) => tries)).toEqual([0, 0]);
    expect(outbox.takeNext(3, 1_000).map(({ tries }) => tries)).toEqual([1, 1, 0]);
  });

  it('gives fewer jobs when they are large, but always one', () => {
    const { outbox, ids } = setup();
    for (const id of ['a', 'b', 'c']) outbox.add(job(id), body('x'.repeat(60)), 'unsent', SHARE);
    expect(ids(outbox.takeNext(10, 130))).toEqual(['a', 'b']);
    expect(ids(outbox.takeNext(10, 1))).toEqual(['a']);
  });

  it('is still there, with its counts, when the object starts again', () => {
    const { outbox, reopened, ids } = setup();
    outbox.add(job('kept'), body(), 'unsent', SHARE);
    outbox.addPublished(job('sent'), body(), 5);
    const again = reopened();
    expect(again.hasPending).toBe(true);
    expect(again.status(Date.now())).toEqual({
      ...outbox.status(Date.now()),
      oldestAgeSeconds: expect.any(Number),
    });
    expect(ids(again.takeNext(10, 1_000))).toEqual(['kept']);
  });

  it('a row that cannot be read is rejected with its reason, and the others go on (E13)', () => {
    const { sql, outbox, ids } = setup();
    for (const id of ['good', 'bad', 'fine']) outbox.add(job(id), body(), 'unsent', SHARE);
    sql.exec("UPDATE outbox SET job = '{' WHERE job_id = ?", 'bad');
    expect(ids(outbox.takeNext(10, 1_000))).toEqual(['good', 'fine']);
    expect(outbox.status(0)).toMatchObject({ pending: 2, rejected: 1 });
    expect(outbox.list('acme', 10)).toMatchObject([
      { id: 'good', state: 'pending' },
      { id: 'bad-r2', state: 'rejected', reason: 'the row cannot be read' },
      { id: 'fine', state: 'pending' },
    ]);
  });
});

describe('a job in the outbox', () => {
  it('is found only by its tenant, and only until NATS has it', () => {
    const { outbox } = setup();
    outbox.add(job('mine'), body(), 'unsent', SHARE);
    expect(outbox.findPending('acme', 'mine')?.job.jobId).toBe('mine');
    expect(outbox.findPending('globex', 'mine')).toBeUndefined();
    const [entry] = outbox.takeNext(1, 1_000);
    outbox.markPublished([entry?.position ?? 0], 5);
    expect(outbox.findPending('acme', 'mine')).toBeUndefined();
    expect([outbox.hasPending, outbox.hasPublished]).toEqual([false, true]);
  });

  it('can be cancelled until NATS has it', () => {
    const { outbox } = setup();
    outbox.add(job('one'), body(), 'unsent', SHARE);
    const position = outbox.findPending('acme', 'one')?.position ?? 0;
    expect(outbox.cancel(position, '2026-01-01T00:00:01.000Z')).toBe(true);
    expect(outbox.findPending('acme', 'one')?.cancelledAt).toBe('2026-01-01T00:00:01.000Z');
    outbox.markPublished([position], 5);
    expect(outbox.cancel(position, '2026-01-01T00:00:02.000Z')).toBe(false);
  });

  it('whose end is awaited is checked when it is due, and waits again at its old place if NATS has forgotten it', () => {
    const { outbox, ids } = setup();
    outbox.addPublished(job('early'), body(), 100);
    outbox.addPublished(job('late'), body(), 200);
    outbox.add(job('waiting'), body(), 'unsent', SHARE);
    expect(outbox.nextCheck()).toBe(100);
    const [due] = outbox.dueForCheck(150, 10);
    expect([due?.entry.job.jobId, due?.checks]).toEqual(['early', 0]);
    outbox.checkLater(due?.entry.position ?? 0, 300, 1);
    expect(outbox.dueForCheck(250, 10).map(({ entry }) => entry.job.jobId)).toEqual(['late']);
    outbox.requeue(due?.entry.position ?? 0);
    expect(ids(outbox.takeNext(10, 1_000))).toEqual(['early', 'waiting']);
    expect(outbox.takeNext(1, 1_000)[0]?.tries).toBeGreaterThan(0);
    expect(outbox.nextCheck()).toBe(200);
  });
});

describe('the room of the outbox', () => {
  it('is limited in rows and bytes; a job that does not fit is not added', async () => {
    const few = setup({ ...ROOM, maxRows: 1 }).outbox;
    few.add(job('one'), body(), 'unsent', SHARE);
    expect((await refusalOf(() => few.add(job('two'), body(), 'unsent', SHARE))).code).toBe('outbox-full');
    const small = setup({ ...ROOM, maxBytes: 400 }).outbox;
    expect(
      (await refusalOf(() => small.add(job('large'), body('x'.repeat(500)), 'unsent', SHARE))).code,
    ).toBe('outbox-full');
    expect(small.status(0)).toMatchObject({ pending: 0, bytes: 0 });
  });

  it('is free again when jobs were removed', () => {
    const { outbox } = setup({ ...ROOM, maxRows: 1 });
    outbox.add(job('one'), body(), 'unsent', SHARE);
    outbox.remove(outbox.takeNext(1, 1_000).map(({ position }) => position));
    expect(outbox.status(0)).toEqual({
      pending: 0,
      rejected: 0,
      published: 0,
      bytes: 0,
      oldestAgeSeconds: 0,
    });
    outbox.add(job('two'), body(), 'unsent', SHARE);
  });

  it('counts as full when the disk is full', async () => {
    const { outbox, sql } = setup();
    const exec = sql.exec;
    sql.exec = ((query: string, ...bindings: unknown[]) => {
      if (query.includes('INSERT')) throw new Error('database or disk is full: SQLITE_FULL');
      return exec(query, ...bindings);
    }) as typeof exec;
    expect(await refusalOf(() => outbox.add(job('one'), body(), 'unsent', SHARE))).toMatchObject({
      code: 'outbox-full',
      retryAfterSeconds: expect.any(Number),
    });
  });

  it('says how long the oldest pending job has waited', () => {
    const { outbox } = setup();
    const before = Date.now();
    outbox.add(job('one'), body(), 'unsent', SHARE);
    expect(outbox.status(before + 90_000).oldestAgeSeconds).toBeCloseTo(90, 0);
  });
});
