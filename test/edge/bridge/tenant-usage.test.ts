import { expect, it } from 'vitest';
import { UsageBook } from '../../../edge/access/usage-book.ts';
import { OpenWaits } from '../../../edge/bridge/open-waits.ts';
import { fullestUse, usageOf } from '../../../edge/bridge/tenant-usage.ts';
import { Outbox } from '../../../edge/outbox/outbox.ts';
import { NO_USAGE, type Quotas } from '../../../shared/api/usage.ts';
import { openSql } from '../support/memory-sql.ts';

const QUOTAS: Quotas = {
  jobs: 10,
  bytes: 1_000,
  delayedJobs: 10,
  delayedBytes: 1_000,
  storedBytes: 1_000,
  schedules: 1,
  requests: 1,
  outboxJobs: 4,
  outboxBytes: 10_000,
  waits: 2,
  streams: 8,
};
const LITTLE = { ...QUOTAS, jobs: 2 };

it('tells what a tenant takes of a bridge, and how full the fullest quotas are', async () => {
  const usage = new UsageBook({ fairJobs: 4, count: async () => NO_USAGE });
  const waits = new OpenWaits();
  const outbox = new Outbox(openSql(), { maxRows: 100, maxBytes: 1_000_000, keepRejectedMs: 1 });
  const readers = new Map([['globex', 2]]);
  const quotasOf = ({ tenant }: { tenant: string }): Quotas => (tenant === 'initech' ? LITTLE : QUOTAS);
  const parts = { usage, waits, outbox, quotasOf, watches: { readers } };
  expect(fullestUse({ ...parts, watches: { readers: new Map() } })).toMatchObject({ jobs: 0, streams: 0 });

  const job = { jobs: 1, bytes: 100, delayedJobs: 0, delayedBytes: 0, storedBytes: 1 };
  for (const tenant of ['acme', 'acme', 'acme', 'initech']) usage.add(tenant, job);
  const end = Promise.withResolvers<void>();
  const waiting = waits.during({ tenant: 'acme', waitMs: 1 }, 2, () => end.promise);
  const spec = {
    operation: 'echo',
    acceptedAt: '2026-01-01T00:00:00.000Z',
    spec: { maxAttempts: 1 },
    carrier: {},
  };
  outbox.add({ tenant: 'acme', jobId: 'one', ...spec }, new Uint8Array(10), 'unsent', QUOTAS);

  const bytes = usageOf(parts, 'acme').outboxBytes;
  expect(usageOf(parts, 'acme')).toEqual({ outboxJobs: 1, outboxBytes: bytes, waits: 1, streams: 0 });
  expect(usageOf(parts, 'nobody')).toEqual({ outboxJobs: 0, outboxBytes: 0, waits: 0, streams: 0 });
  expect(fullestUse(parts)).toEqual({
    jobs: 0.5,
    bytes: 0.3,
    delayedJobs: 0,
    delayedBytes: 0,
    storedBytes: 0.003,
    outboxJobs: 0.25,
    outboxBytes: bytes / 10_000,
    waits: 0.5,
    streams: 0.25,
  });
  end.resolve();
  await waiting;
  expect(usageOf(parts, 'acme').waits).toBe(0);
});
