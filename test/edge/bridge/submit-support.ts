import { ROOT_CONTEXT } from '@opentelemetry/api';
import { vi } from 'vitest';
import { UsageBook } from '../../../edge/access/usage-book.ts';
import { EndedJobs } from '../../../edge/bridge/ended-jobs.ts';
import { InputChecks } from '../../../edge/bridge/input-checks.ts';
import { KeyTurns } from '../../../edge/bridge/keys/key-turns.ts';
import { KnownKeys } from '../../../edge/bridge/keys/known-keys.ts';
import { UniqueJobs } from '../../../edge/bridge/keys/unique-jobs.ts';
import { UniqueTable } from '../../../edge/bridge/keys/unique-table.ts';
import { OrderTurns } from '../../../edge/bridge/order-turns.ts';
import { PooledJobs } from '../../../edge/bridge/pooled-jobs.ts';
import { StoreRoom } from '../../../edge/bridge/store/store-room.ts';
import { submit } from '../../../edge/bridge/submit.ts';
import type {
  LimitedCommand,
  SubmitAnswer,
  SubmitCommand,
  SubmitResult,
} from '../../../edge/calls/commands.ts';
import { AcceptedFeed } from '../../../edge/jobs/accepted-feed.ts';
import { HostDirectory } from '../../../edge/operations/host-directory.ts';
import { OperationDirectory } from '../../../edge/operations/operation-directory.ts';
import { SavedOperations } from '../../../edge/operations/saved-operations.ts';
import { Outbox } from '../../../edge/outbox/outbox.ts';
import { OutboxScheduler } from '../../../edge/outbox/outbox-scheduler.ts';
import type { Logger } from '../../../edge/telemetry/log.ts';
import { NO_USAGE, type Quotas } from '../../../shared/api/usage.ts';
import { defined } from '../../../shared/defined.ts';
import { unavailable } from '../../../shared/errors.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { hostOf } from '../support/announcements.ts';
import { MemoryConnection } from '../support/memory-connection.ts';
import { openSql } from '../support/memory-sql.ts';

/** An announcement. */
export const ECHO = { name: 'echo', inputSchema: true, timeoutMs: 30_000, maxAttempts: 5 };
/** A fingerprint. */
export const KEY = 'f'.repeat(64);
const ROOM = { maxRows: 10, maxBytes: 10_000, keepRejectedMs: 1_000 };

/** A submission of `echo` for the tenant `acme`. */
export function command(jobId: string, spec: SubmitCommand['spec'] = {}): SubmitCommand {
  const acceptedAt = '2026-01-01T00:00:00.000Z';
  return {
    tenant: 'acme',
    jobId,
    operation: 'echo',
    inputJson: '1',
    acceptedAt,
    spec,
    waitMs: 0,
    carrier: {},
  };
}

/** The result of a submission that was taken. */
export function submitted(answer: SubmitAnswer): SubmitResult {
  if (answer.outcome !== 'submitted') throw new Error(`the bridge answered ${answer.outcome}`);
  return answer;
}

const RATE = { rateLimit: { key: '/customer', limit: 2, periodMs: 60_000 } };
const LIMITS_BY_KEY = { concurrency: { key: '/customer', limit: 2 } };

interface Settings {
  readonly ackMode?: 'stream' | 'outbox';
  readonly keepUntilEnded?: boolean;
  readonly refusesUnserved?: boolean;
  readonly quotas?: Quotas;
}

export const QUOTAS: Quotas = {
  jobs: 100,
  bytes: 1e6,
  delayedJobs: 100,
  delayedBytes: 1e6,
  storedBytes: 1e6,
  outboxJobs: 10,
  outboxBytes: 10_000,
  waits: 10,
  streams: 10,
  schedules: 10,
  requests: 100,
};

/** A bridge whose NATS is away, or there, as the test says; its scheduler sends nothing by itself. */
export function setup({
  ackMode = 'stream',
  keepUntilEnded = false,
  refusesUnserved = false,
  quotas = QUOTAS,
}: Settings = {}) {
  const sql = openSql();
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Logger;
  const nats = { isAway: false };
  const connection = new MemoryConnection(async () => {
    if (nats.isAway) throw unavailable('away');
  });
  connection.broker.operations.put('echo', writeJson(ECHO));
  connection.broker.operations.put('limited', writeJson({ ...ECHO, name: 'limited', ...LIMITS_BY_KEY }));
  connection.broker.operations.put('rated', writeJson({ ...ECHO, name: 'rated', ...RATE }));
  connection.broker.hosts.put('host-1', writeJson(hostOf(['echo', 'limited', 'rated'])));
  const outbox = new Outbox(sql, ROOM);
  const usage = new UsageBook({ fairJobs: 4, count: async () => NO_USAGE });
  const feed = new AcceptedFeed(
    { addAccepted: () => new Promise<never>(() => undefined), indexes: 1, nameOf: () => 'index-0' },
    usage,
    log,
  );
  const object = {
    storage: { getAlarm: async () => null, setAlarm: async () => undefined },
    waitUntil: () => undefined,
  };
  const hosts = new HostDirectory(log);
  const operations = new OperationDirectory(new SavedOperations(sql), log);
  const pooled = new PooledJobs(4);
  const sending = { connection, outbox, feed, usage, pooled, operations, hosts };
  const parts = { name: 'bridge', log, ...sending, keepUntilEnded };
  const scheduler = new OutboxScheduler({ ...parts, object, ownContext: ROOT_CONTEXT });
  vi.spyOn(scheduler, 'added').mockReturnValue(undefined);
  const counts = { unservedJobs: 0, refusals: {} };
  const inputChecks = new InputChecks();
  const room = new StoreRoom();
  const order = new OrderTurns();
  /** The times that the index gives; it fails without one. */
  const startTimes: number[] = [];
  const index = {
    startTime: async () => {
      const at = startTimes.shift();
      if (at === undefined) throw new Error('the index is away');
      return at;
    },
  };
  const quotasOf = (one: LimitedCommand): Quotas => ({ ...quotas, ...defined(one.quotas ?? {}) });
  const checks = { index, inputChecks, room, order, quotasOf };
  const table = new UniqueTable(sql);
  /** Says since when the bridge knows all keys; undefined: nobody can tell. */
  const keysSince = { ask: async (): Promise<number | undefined> => undefined };
  /** The bridge as after a restart: what is in memory is gone. */
  const restarted = () => ({
    ...parts,
    ...checks,
    counts,
    refusesUnserved,
    scheduler,
    ackMode,
    unique: new UniqueJobs({ name: 'bridge', outbox, log, table }),
    keys: new KnownKeys({ sql, log, askSince: () => keysSince.ask(), isRemembered: async () => false }),
    keyTurns: new KeyTurns(),
    ended: new EndedJobs(),
  });
  let bridge = restarted();
  const subjects = (): string[] => connection.broker.published.map(({ subject }) => subject);
  return {
    nats,
    startTimes,
    keysSince,
    usage,
    outbox,
    sql,
    connection,
    restart: () => {
      bridge = restarted();
    },
    counts,
    broker: connection.broker,
    subjects,
    inputChecks,
    answer: (one: SubmitCommand, batch?: object) => submit(bridge, one, batch),
    submit: async (one: SubmitCommand) => submitted(await submit(bridge, one)),
  };
}
