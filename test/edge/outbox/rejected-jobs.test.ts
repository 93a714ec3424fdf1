import { describe, expect, it } from 'vitest';
import type { OutgoingJob } from '../../../edge/jobs/outgoing-job.ts';
import { Outbox } from '../../../edge/outbox/outbox.ts';
import { statusOf } from '../../../shared/error-table.ts';
import { refusalOf } from '../../unit/support.ts';
import { openSql } from '../support/memory-sql.ts';

const KEEP_MS = 60_000;
const ROOM = { maxRows: 1_000, maxBytes: 1_000_000, keepRejectedMs: KEEP_MS };
/** No bound of its own. */
const SHARE = { outboxJobs: 1_000, outboxBytes: 1_000_000 };
const TOO_LARGE = 'payload-too-large: the broker takes no message of this size';
const KEY_REUSED = 'idempotency-key-reused: the key belongs to an earlier job';
const BODY = new TextEncoder().encode('"hello"');

const job = (jobId: string, more: Partial<OutgoingJob> = {}): OutgoingJob => ({
  tenant: 'acme',
  jobId,
  operation: 'echo',
  acceptedAt: '2026-01-01T00:00:00.000Z',
  spec: { maxAttempts: 5 },
  carrier: {},
  ...more,
});

function setup(limits = ROOM) {
  const outbox = new Outbox(openSql(), limits);
  /** Adds a job that NATS rejects. @returns its id of its own */
  const reject = (one: OutgoingJob, reason: string): string => {
    outbox.add(one, BODY, 'unsent', SHARE);
    outbox.rejected.add(outbox.findPending(one.tenant, one.jobId)?.position ?? 0, reason);
    return outbox.list(one.tenant, 100).at(-1)?.id ?? '';
  };
  return { outbox, reject };
}

describe('a rejected job', () => {
  it('has an id of its own, so that its job id is free for another job', () => {
    const { outbox, reject } = setup();
    const first = reject(job('one'), KEY_REUSED);
    const second = reject(job('one'), KEY_REUSED);
    outbox.add(job('one'), BODY, 'unsent', SHARE);
    expect(outbox.list('acme', 10)).toMatchObject([
      { id: first, jobId: 'one', state: 'rejected' },
      { id: second, jobId: 'one', state: 'rejected' },
      { id: 'one', jobId: 'one', state: 'pending' },
    ]);
    expect(new Set([first, second, 'one']).size).toBe(3);
  });

  it('keeps this id when it is sent again, and never stands for the job of its job id', () => {
    const { outbox, reject } = setup();
    const id = reject(job('one'), TOO_LARGE);
    expect(outbox.rejected.retry('globex', id)).toBeUndefined();
    expect(outbox.rejected.retry('acme', 'one')).toBeUndefined();
    expect(outbox.rejected.retry('acme', id)?.job.jobId).toBe('one');
    expect(outbox.rejected.retry('acme', id)).toBeUndefined();
    expect(outbox.findPending('acme', 'one')).toBeUndefined();
    const [again] = outbox.takeNext(10, 1_000);
    expect([again?.job.jobId, again?.wasRejected, again?.publication]).toEqual(['one', true, 'unsent']);
    outbox.rejected.add(again?.position ?? 0, TOO_LARGE);
    expect(outbox.list('acme', 10)).toMatchObject([{ id, tries: 1, reason: TOO_LARGE }]);
  });

  it('is found by its job id if no other job has that id, but not if its key belongs to another job', () => {
    const { outbox, reject } = setup();
    reject(job('own'), TOO_LARGE);
    reject(job('own_2'), KEY_REUSED);
    expect(outbox.rejected.findByJob('acme', 'own')?.reason).toBe(TOO_LARGE);
    expect(outbox.rejected.findByJob('acme', 'own_2')).toBeUndefined();
    expect(outbox.rejected.findByJob('acme', 'ow')).toBeUndefined();
    expect(outbox.rejected.findByJob('globex', 'own')).toBeUndefined();
  });

  it('that is removed is gone, or pending as cancelled until its end is recorded', () => {
    const { outbox, reject } = setup();
    const own = reject(job('own'), TOO_LARGE);
    const others = reject(job('others'), KEY_REUSED);
    expect(outbox.rejected.remove('globex', own)).toBeUndefined();
    expect(outbox.rejected.remove('acme', own)).toMatchObject({ id: own, state: 'rejected' });
    expect(outbox.rejected.remove('acme', others)).toMatchObject({ id: others });
    expect(outbox.rejected.remove('acme', others)).toBeUndefined();
    expect(outbox.list('acme', 10)).toEqual([]);
    expect(outbox.takeNext(10, 1_000)).toMatchObject([
      { wasRejected: true, cancelledAt: expect.any(String) },
    ]);
    expect(outbox.status(0)).toMatchObject({ pending: 1, rejected: 0 });
  });

  it('expires at its time, and not before; a job that is sent again does not', () => {
    const { outbox, reject } = setup();
    const before = Date.now();
    reject(job('others'), KEY_REUSED);
    reject(job('own'), TOO_LARGE);
    const again = reject(job('again'), TOO_LARGE);
    outbox.rejected.retry('acme', again);
    const at = outbox.nextCheck() ?? 0;
    expect(at).toBeGreaterThanOrEqual(before + KEEP_MS);
    expect(outbox.rejected.expire(before + KEEP_MS - 1)).toBe(0);
    expect(outbox.rejected.expire(Date.now() + KEEP_MS)).toBe(2);
    expect(outbox.nextCheck()).toBeUndefined();
    expect(outbox.takeNext(10, 1_000).map((one) => [one.job.jobId, one.cancelledAt !== undefined])).toEqual([
      ['own', true],
      ['again', false],
    ]);
  });
});

describe('E15: the share of a tenant', () => {
  it('is limited in rows, also by rejected jobs; other tenants still have room', async () => {
    const { outbox, reject } = setup({ ...ROOM, maxRows: 4 });
    const share = { ...SHARE, outboxJobs: 2 };
    const id = reject(job('one'), KEY_REUSED);
    outbox.add(job('two'), BODY, 'unsent', share);
    const refused = await refusalOf(() => outbox.add(job('three'), BODY, 'unsent', share));
    expect([refused.code, statusOf(refused), refused.retryAfterSeconds]).toEqual([
      'outbox-share-full',
      429,
      5,
    ]);
    expect(refused.quota).toEqual({ name: 'outboxJobs', limit: 2, left: 0 });
    for (const name of ['a', 'b']) outbox.add(job(name, { tenant: 'globex' }), BODY, 'unsent', share);
    outbox.rejected.remove('acme', id);
    outbox.add(job('three'), BODY, 'unsent', share);
    const full = await refusalOf(() => outbox.add(job('x', { tenant: 'initech' }), BODY, 'unsent', share));
    expect([full.code, full.quota]).toEqual(['outbox-full', undefined]);
  });

  it('is limited in bytes, and is still known when the object starts again', async () => {
    const sql = openSql();
    const limits = { ...ROOM, maxBytes: 2_000 };
    const share = { ...SHARE, outboxBytes: 1_200 };
    const outbox = new Outbox(sql, limits);
    outbox.add(job('one'), new Uint8Array(800), 'unsent', share);
    for (const same of [outbox, new Outbox(sql, limits)]) {
      const refused = await refusalOf(() => same.add(job('two'), new Uint8Array(500), 'unsent', share));
      expect([refused.code, refused.quota?.name]).toEqual(['outbox-share-full', 'outboxBytes']);
      same.ensureRoom('globex', new Uint8Array(500), share);
      expect([...same.tenants]).toEqual(['acme']);
    }
  });
});
