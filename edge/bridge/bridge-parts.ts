import { context } from '@opentelemetry/api';
import type { JobHistory } from '../../shared/api/answers/job-history.ts';
import type { Quotas } from '../../shared/api/usage.ts';
import { SharedReads } from '../../shared/collections/shared-reads.ts';
import type { Job } from '../../shared/job/job.ts';
import type { QuotaName } from '../../shared/quotas.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import { quotasOf } from '../access/quotas.ts';
import { UsageBook } from '../access/usage-book.ts';
import type { LimitedCommand } from '../calls/commands.ts';
import { JobIndexClient } from '../calls/job-index-client.ts';
import { PlaceSeal } from '../calls/place-seal.ts';
import { type Env, edgeConfig } from '../config.ts';
import { AcceptedFeed } from '../jobs/accepted-feed.ts';
import { isRemembered } from '../jobs/dead-letters.ts';
import { BrokerConnection } from '../nats/broker-connection.ts';
import { HostDirectory } from '../operations/host-directory.ts';
import { OperationDirectory } from '../operations/operation-directory.ts';
import { SavedOperations } from '../operations/saved-operations.ts';
import { Outbox } from '../outbox/outbox.ts';
import { OutboxScheduler } from '../outbox/outbox-scheduler.ts';
import { createLogger, type Logger } from '../telemetry/log.ts';
import { startTelemetry } from '../telemetry/runtime.ts';
import { withService } from '../telemetry/service.ts';
import { JobWatches } from '../watch/job-watches.ts';
import { EndedJobs } from './ended-jobs.ts';
import { InputChecks } from './input-checks.ts';
import { KeyTurns } from './keys/key-turns.ts';
import { KnownKeys } from './keys/known-keys.ts';
import { UniqueJobs } from './keys/unique-jobs.ts';
import { UniqueTable } from './keys/unique-table.ts';
import { OpenWaits } from './open-waits.ts';
import { OrderTurns } from './order-turns.ts';
import { PooledJobs } from './pooled-jobs.ts';
import { StoreRoom } from './store/store-room.ts';
import { TenantShare } from './store/tenant-share.ts';

/** The parts of a bridge, which its calls share. */
export interface BridgeParts {
  /** The bridge's name. */
  readonly name: string;
  readonly log: Logger;
  readonly connection: BrokerConnection;
  readonly operations: OperationDirectory;
  readonly hosts: HostDirectory;
  /** Whether a job of an operation that no host serves is refused (`UNSERVED_OPERATIONS`). */
  readonly refusesUnserved: boolean;
  readonly counts: BridgeCounts;
  readonly inputChecks: InputChecks;
  /** Whether there is room for delayed jobs. */
  readonly room: StoreRoom;
  /** The jobs of each tenant in its pooled lane. */
  readonly pooled: PooledJobs;
  /** The turns of jobs with an ordering key. */
  readonly order: OrderTurns;
  readonly outbox: Outbox;
  readonly scheduler: OutboxScheduler;
  readonly feed: AcceptedFeed;
  /** Gives jobs their times by the limits of their operations. */
  readonly index: Pick<JobIndexClient, 'startTime'>;
  readonly usage: UsageBook;
  readonly unique: UniqueJobs;
  /** The idempotency keys that were used. */
  readonly keys: KnownKeys;
  /** The turns of submissions with one idempotency key. */
  readonly keyTurns: KeyTurns;
  readonly ended: EndedJobs;
  /** How much of the store the jobs of one tenant may take. */
  readonly share: TenantShare;
  /** The quotas that hold for a command. */
  readonly quotasOf: (command: LimitedCommand) => Quotas;
  readonly watches: JobWatches;
  readonly waits: OpenWaits;
  readonly jobReads: SharedReads<Job | undefined>;
  readonly historyReads: SharedReads<JobHistory>;
  readonly seal: PlaceSeal;
  /** What must have stored a job before the job is accepted: JetStream or the outbox (`ACK_MODE`). */
  readonly ackMode: 'stream' | 'outbox';
  /** Whether the outbox keeps each job until its end is recorded (`OUTBOX_KEEP=ended`). */
  readonly keepUntilEnded: boolean;
  /** The longest silence of an event stream. */
  readonly heartbeatMs: number;
}

/** What a bridge counts from its start on. */
export interface BridgeCounts {
  /** Jobs that were accepted while no host served their operation. */
  unservedJobs: number;
  /** Requests that were refused, by the quota that was used up. */
  readonly refusals: Partial<Record<QuotaName, number>>;
}

/**
 * Makes the parts of a bridge. Nothing is connected or started yet.
 * @param askSince see {@link KnownKeys}
 */
export function createParts(
  state: DurableObjectState,
  env: Env,
  askSince: () => Promise<number | undefined>,
): BridgeParts {
  const config = edgeConfig(env);
  const name = state.id.name ?? state.id.toString();
  const log = createLogger(config.LOG_LEVEL);
  startTelemetry(config, log);
  const { sql } = state.storage;
  const connection = new BrokerConnection(config, name, log);
  const keys = new KnownKeys({
    sql,
    log,
    askSince,
    isRemembered: (job) => connection.use((session) => isRemembered(session, job)),
  });
  const outbox = new Outbox(sql, {
    maxRows: config.OUTBOX_MAX_ROWS,
    maxBytes: config.OUTBOX_MAX_BYTES,
    keepRejectedMs: config.OUTBOX_REJECTED_MS,
  });
  const index = new JobIndexClient(env.JOB_INDEX, config.INDEX_SHARDS);
  const usage = new UsageBook({
    fairJobs: config.FAIR_JOBS,
    count: (tenant) => index.count(tenant),
  });
  const feed = new AcceptedFeed(index, usage, log);
  const hosts = new HostDirectory(log);
  const keepUntilEnded = config.OUTBOX_KEEP === 'ended';
  const operations = new OperationDirectory(new SavedOperations(sql), log);
  const pooled = new PooledJobs(config.FAIR_JOBS);
  const scheduler = new OutboxScheduler({
    name,
    connection,
    outbox,
    feed,
    usage,
    pooled,
    operations,
    hosts,
    log,
    keepUntilEnded,
    object: state,
    ownContext: withService(context.active(), SERVICE.bridge),
  });
  const share = new TenantShare(config);
  connection.onOpen(() => {
    scheduler.reconnected();
    void connection.use((session) => share.learn(session)).catch(() => undefined);
  });
  return {
    name,
    log,
    connection,
    outbox,
    scheduler,
    feed,
    index,
    usage,
    operations,
    keepUntilEnded,
    quotasOf: ({ tenant, quotas }) => quotasOf(share.settings, tenant, quotas),
    share,
    seal: new PlaceSeal(config),
    hosts,
    refusesUnserved: config.UNSERVED_OPERATIONS === 'refuse',
    counts: { unservedJobs: 0, refusals: {} },
    inputChecks: new InputChecks(),
    room: new StoreRoom(),
    order: new OrderTurns(),
    pooled,
    unique: new UniqueJobs({ name, outbox, log, table: new UniqueTable(sql) }),
    keys,
    keyTurns: new KeyTurns(),
    ended: new EndedJobs(),
    watches: new JobWatches(connection, log, outbox),
    waits: new OpenWaits(),
    jobReads: new SharedReads(),
    historyReads: new SharedReads(),
    ackMode: config.ACK_MODE,
    heartbeatMs: config.SSE_HEARTBEAT_MS,
  };
}
