/**
 * The calls that the Durable Objects take. The HTTP rooms know the objects only by these interfaces, so they do not
 * import the rooms for NATS.
 */
import type {
  DeadLetterDetail,
  DeadLetterPage,
  RedriveReport,
} from '../../shared/api/answers/dead-letter.ts';
import type { BridgeStatus } from '../../shared/api/answers/health.ts';
import type { JobHistory } from '../../shared/api/answers/job-history.ts';
import type { JobPage } from '../../shared/api/answers/job-list.ts';
import type { ListedOperation } from '../../shared/api/answers/operation-list.ts';
import type { OutboxItem } from '../../shared/api/answers/outbox.ts';
import type { Schedule, SchedulePage } from '../../shared/api/answers/schedule.ts';
import type { Usage } from '../../shared/api/usage.ts';
import type { Job } from '../../shared/job/job.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import type {
  Accepted,
  BridgeShare,
  CancelCommand,
  Cancellation,
  CancelManyCommand,
  CancelOutcome,
  EarlierSubmitCommand,
  HistoryCommand,
  JobCommand,
  OutboxCommand,
  RejectedCommand,
  SubmitAnswer,
  SubmitCommand,
  SubmitResult,
  TenantCommand,
  TrialAnswer,
  TrialCommand,
  WatchCommand,
} from './commands.ts';
import type {
  DeadLettersCommand,
  RedriveCommand,
  RedriveManyCommand,
  Redriven,
} from './dead-letter-commands.ts';
import type { ListCommand, StartTimeCommand, TenantJob, TenantUsage } from './index-commands.ts';
import type { Reply } from './reply.ts';
import type {
  ListSchedulesCommand,
  PauseScheduleCommand,
  PutSchedule,
  PutScheduleCommand,
  ScheduleCommand,
  TriggerScheduleCommand,
} from './schedule-commands.ts';

/** The Durable Object that owns a connection to NATS. */
export interface BridgeApi extends Rpc.DurableObjectBranded {
  /** Submits a job, if its input was checked. */
  submitJob(command: SubmitCommand): Promise<Reply<SubmitAnswer | Accepted>>;
  /** Submits many jobs: a reply for each, in order. A refused job does not affect the others. */
  submitJobs(commands: readonly SubmitCommand[], carrier: Carrier): Promise<Reply<Reply<SubmitAnswer>[]>>;
  /** As `submitJob`, for an edge of an earlier version. */
  submit(command: EarlierSubmitCommand): Promise<Reply<SubmitAnswer | Accepted>>;
  /** As `submitJobs`, for an edge of an earlier version. */
  submitBatch(
    commands: readonly EarlierSubmitCommand[],
    carrier: Carrier,
  ): Promise<Reply<Reply<SubmitAnswer>[]>>;
  /** Checks a job like a submission, but does not accept it. */
  tryOut(command: TrialCommand): Promise<Reply<TrialAnswer>>;
  /** A job with its attempts, or undefined when there is none. */
  read(command: JobCommand): Promise<Reply<Job | undefined>>;
  /** The recorded events of a job after a place, one page of them. */
  history(command: HistoryCommand): Promise<Reply<JobHistory>>;
  /** The events of a job as `text/event-stream`; null when it has ended and no event is left to send. */
  watch(command: WatchCommand): Promise<Reply<ReadableStream<Uint8Array> | null>>;
  /** Cancels a job; undefined when there is none. */
  cancel(command: CancelCommand): Promise<Reply<Cancellation | undefined>>;
  /** Cancels many jobs: what became of each, in order. */
  cancelMany(command: CancelManyCommand): Promise<Reply<CancelOutcome[]>>;
  /** A page of dead letters. */
  deadLetters(command: DeadLettersCommand): Promise<Reply<DeadLetterPage>>;
  /** One dead letter with its payload, or undefined. */
  deadLetter(command: JobCommand): Promise<Reply<DeadLetterDetail | undefined>>;
  /** Redrives one dead letter. */
  redrive(command: RedriveCommand): Promise<Reply<Redriven>>;
  /** Redrives many dead letters. */
  redriveMany(command: RedriveManyCommand): Promise<Reply<RedriveReport>>;
  /** A tenant's jobs in the outbox of this bridge. */
  outbox(command: OutboxCommand): Promise<Reply<OutboxItem[]>>;
  /** Sends a rejected job of the outbox again; undefined when there is none. */
  retryRejected(command: RejectedCommand): Promise<Reply<Job | undefined>>;
  /** Gives up a rejected job of the outbox: the job as it was, or undefined when there is none. */
  removeRejected(command: RejectedCommand): Promise<Reply<OutboxItem | undefined>>;
  /**
   * Since when all bridges have had this number of shards, in epoch milliseconds; 0: from the first job on. Each bridge asks the first
   * bridge.
   */
  keysSince(shards: number): Promise<Reply<number>>;
  /** The operations that workers have announced, and how many hosts serve each. */
  operations(carrier: Carrier): Promise<Reply<ListedOperation[]>>;
  /** What a tenant takes of this bridge. */
  tenantUsage(tenant: string): Promise<Reply<BridgeShare>>;
  /** Whether NATS answers, how fast, and what the outbox holds. */
  status(carrier: Carrier): Promise<Reply<BridgeStatus>>;
}

/** The Durable Object that lists the jobs of its tenants. */
export interface JobIndexApi extends Rpc.DurableObjectBranded {
  /** Adds jobs that a bridge has accepted. Returns what the jobs of their tenants take. */
  addAccepted(jobs: readonly TenantJob[]): Promise<TenantUsage[]>;
  /** Takes unfinished jobs of a tenant out of the list, which NATS does not know any more. */
  forget(tenant: string, ids: readonly string[]): Promise<void>;
  /** What the jobs of a tenant take. */
  usage(tenant: string): Promise<Usage>;
  /** When a job may start by the limit of its operation, in epoch milliseconds; undefined if that is later than a job may be delayed. */
  startTime(command: StartTimeCommand): Promise<number | undefined>;
  /** A page of a tenant's jobs, newest first. */
  list(command: ListCommand): Promise<Reply<JobPage>>;
}

/** The Durable Object that keeps the schedules of one tenant, and submits the jobs of their runs. */
export interface SchedulesApi extends Rpc.DurableObjectBranded {
  /** Makes or changes a schedule. */
  put(command: PutScheduleCommand): Promise<Reply<PutSchedule>>;
  /** A schedule with its runs; undefined when there is none. */
  read(command: ScheduleCommand): Promise<Reply<Schedule | undefined>>;
  /** A page of schedules, by name. */
  list(command: ListSchedulesCommand): Promise<Reply<SchedulePage>>;
  /** The number of schedules. */
  count(command: TenantCommand): Promise<Reply<number>>;
  /** Deletes a schedule, and says whether there was one. */
  remove(command: ScheduleCommand): Promise<Reply<boolean>>;
  /** Pauses or resumes a schedule; undefined when there is none. */
  pause(command: PauseScheduleCommand): Promise<Reply<Schedule | undefined>>;
  /** Submits the job of a schedule now; undefined when there is no such schedule. */
  trigger(command: TriggerScheduleCommand): Promise<Reply<SubmitResult | undefined>>;
}
