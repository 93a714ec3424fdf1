/**
 * What the edge asks of a bridge, and what the bridge answers. All of this is plain data, since a call may cross
 * machines.
 */

import type { UncheckedInputs } from '../../shared/api/answers/health.ts';
import type { JsonSchema } from '../../shared/api/operation.ts';
import type { UniqueRequest } from '../../shared/api/submit-job.ts';
import type { BridgeUsage, SomeQuotas } from '../../shared/api/usage.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Job } from '../../shared/job/job.ts';
import type { JobSpec } from '../../shared/job/job-spec.ts';
import type { Carrier } from '../../shared/propagation/index.ts';

/** Names a tenant. */
export interface TenantCommand {
  readonly tenant: string;
  readonly carrier: Carrier;
}

/** A command that may be refused for a quota. */
export interface LimitedCommand {
  readonly tenant: string;
  /** The quotas that the caller's token names. */
  readonly quotas?: SomeQuotas | undefined;
}

/** Submits a job. */
export interface SubmitCommand extends TenantCommand, LimitedCommand {
  readonly jobId: string;
  readonly operation: string;
  /** The input as JSON. So it is encoded once, and a text crosses between isolates faster than an object. */
  readonly inputJson: string;
  readonly acceptedAt: string;
  /** What the job was asked to be. If the spec has a `fingerprint`, a job with this id may exist already. */
  readonly spec: JobSpec;
  /** The unique key of the job. A job that is there with the same key may be the answer. `for` is in milliseconds. */
  readonly unique?: UniqueRequest | undefined;
  /** Milliseconds to wait for the job's end; 0 = not at all. */
  readonly waitMs: number;
  /** What the edge found in the input; undefined: it has no rules for the operation yet. */
  readonly inputCheck?: InputCheck | undefined;
  /** Whether the edge can read {@link Accepted}. An edge of an earlier version cannot. */
  readonly takesJson?: true;
}

/** A submission as an edge or a bridge of an earlier version knows it: with the input as a value. */
export interface EarlierSubmitCommand extends Omit<SubmitCommand, 'inputJson'> {
  readonly input: unknown;
}

/** A job that is only checked, and not accepted. The edge has checked its input. */
export type TrialCommand = Omit<SubmitCommand, 'inputJson'>;

/** The rules for the inputs of an operation: the `inputCheck` of its announcement. */
export interface InputRules {
  /** Rules with the same digest are the same. */
  readonly digest: string;
  readonly schema: JsonSchema;
}

/** What the edge found when it checked an input by rules. */
export interface InputCheck {
  /** The digest of the rules. */
  readonly digest: string;
  /** All words but `passed` and `refused` mean that the edge does not know, and leaves the input to the worker. */
  readonly outcome: 'passed' | 'refused' | keyof UncheckedInputs;
}

/** How often the rules may change under a submission, before its input is {@link LEFT_TO_WORKER}. */
export const MAX_CHECK_ROUNDS = 3;
/** The rules changed again and again: the input was not checked by those that hold now. */
export const LEFT_TO_WORKER: InputCheck = { digest: '', outcome: 'rulesChanged' };

/** What a bridge answers to a submission. Only `submitted` means that it accepted the job. */
export type SubmitAnswer = Submitted | Untaken;

/** What a tenant takes of a bridge, and how much of the store its jobs may take. */
export interface BridgeShare extends BridgeUsage {
  /** Bytes; undefined: nobody has said it. A bridge of an earlier version does not say it. */
  readonly share?: number | undefined;
}

/** A new job that was accepted and waits, as the JSON in which the API shows it: a text crosses between isolates faster than an object. */
export interface Accepted {
  readonly outcome: 'accepted';
  readonly json: string;
}

/** A job that was accepted, or was there already. */
export type Submitted = { readonly outcome: 'submitted' } & SubmitResult;

/** What a bridge answers to a job that is only checked. */
export type TrialAnswer = Passed | Untaken;

/** The job would be accepted. */
export interface Passed {
  readonly outcome: 'passed';
  /** What the edge found in the input. */
  readonly inputCheck?: InputCheck | undefined;
}

/** Why a bridge does not accept a job that passes all other checks. */
export type Untaken =
  /** The edge refused the input, by the rules that hold now. */
  | { readonly outcome: 'refused' }
  /**
   * The input must be checked by the rules that hold now: `rules`. Without them, only an earlier job of the same ordering key must
   * be checked, and this one is submitted again after it.
   */
  | { readonly outcome: 'rules-needed'; readonly rules?: InputRules };

/** The result of a submission. */
export interface SubmitResult {
  readonly job: Job;
  /** Whether the same request, with the same idempotency key, came before. */
  readonly replayed: boolean;
  /** Whether the job was there already, with the same unique key. Absent: it was not. */
  readonly existing?: true;
}

/** Names a job of a tenant. */
export interface JobCommand extends TenantCommand {
  readonly jobId: string;
}

/** Asks for the recorded events of a job. */
export interface HistoryCommand extends JobCommand {
  /** Only events after this sequence. */
  readonly after: number;
}

/** Asks for the events of a job as a stream. */
export interface WatchCommand extends HistoryCommand, LimitedCommand {
  /** Whether the reader had a stream of this job before. */
  readonly isAgain: boolean;
}

/** Cancels a job. */
export interface CancelCommand extends JobCommand, LimitedCommand {
  /** Milliseconds to wait for the end of a job that runs; 0 = not at all. */
  readonly waitMs: number;
}

/** How long a bridge may take to cancel many jobs. It begins with none afterwards. */
export const CANCEL_MANY_BUDGET_MS = 10_000;

/** Cancels many jobs of a tenant. */
export interface CancelManyCommand extends TenantCommand {
  readonly jobIds: readonly string[];
}

/**
 * What became of a job that was to be cancelled. `cancelled`: it has ended as cancelled. `stopping`: its worker was asked to stop
 * it. Any other text is an error code.
 */
export type CancelOutcome = 'cancelled' | 'stopping' | ErrorCode;

/** Asks for a tenant's jobs in the outbox of a bridge. */
export interface OutboxCommand extends TenantCommand {
  readonly limit: number;
}

/** Names a job of the outbox that NATS rejected. */
export interface RejectedCommand extends TenantCommand {
  /** The id that the job has in the outbox: see `rejected-id.ts`. */
  readonly id: string;
}

/** The result of a cancel. */
export interface Cancellation {
  readonly job: Job;
  /** Whether the job ended in another way before it could be cancelled. */
  readonly tooLate: boolean;
}
