import { type Attributes, context, propagation, SpanKind, trace } from '@opentelemetry/api';
import type { SomeQuotas } from '../../shared/api/usage.ts';
import { errorFrom, loggedReason } from '../../shared/error-table.ts';
import type { ThroughlineError } from '../../shared/errors.ts';
import type { Job } from '../../shared/job/job.ts';
import { describeError } from '../../shared/trace/describe-error.ts';
import { ATTR, SERVICE } from '../../shared/trace/semantics.ts';
import { tracerOf } from '../../shared/trace/tracer.ts';
import type { BridgeClient } from '../calls/bridge-client.ts';
import {
  type EarlierSubmitCommand,
  type InputCheck,
  type InputRules,
  LEFT_TO_WORKER,
  MAX_CHECK_ROUNDS,
  type SubmitCommand,
  type SubmitResult,
} from '../calls/commands.ts';
import type { Logger } from '../telemetry/log.ts';
import { startRootSpan } from '../telemetry/root-span.ts';
import { withService } from '../telemetry/service.ts';
import { inputInvalid } from '../validation/input-invalid.ts';
import { InputSchema } from '../validation/input-schema.ts';
import { MOST_STEPS, StepBudget } from '../validation/step-budget.ts';
import { type RunPlace, runJobId } from './run-id.ts';
import { inputCheckOf, makerOf, requestOf, type ScheduleRow, specOfRow } from './schedule-row.ts';

const tracer = tracerOf(SERVICE.schedules);

/**
 * Marks the job of a run like one with an idempotency key, so that the bridge looks for the job first. All versions of a schedule
 * have the same fingerprint: a schedule that has changed makes no second job for one time.
 */
const FINGERPRINT = '0'.repeat(64);

/** What a run needs. */
export interface SubmitRunParts {
  readonly bridge: Pick<BridgeClient, 'submit'>;
  readonly log: Logger;
  /** Stores what the check of the input found, so that the input is checked only once for each version of the rules. */
  readonly keepCheck: (name: string, check: InputCheck) => void;
}

/** A run that a caller asks for. */
export interface Trigger {
  /** The same key gives the same job. */
  readonly key: string;
  /** The key was made for this request alone, so no job can have it yet. */
  readonly isNewKey?: boolean | undefined;
  /** The quotas that the caller's token names. */
  readonly quotas?: SomeQuotas | undefined;
}

type Command = Omit<SubmitCommand, 'carrier'> & Pick<EarlierSubmitCommand, 'input'>;

/**
 * The id of the job of a run.
 * @param run its time in epoch milliseconds, or the key of a trigger
 */
export function jobIdOf(row: ScheduleRow, run: RunPlace['run']): Promise<string> {
  return runJobId({ tenant: row.tenant, name: row.name, run }, specOfRow(row).orderingKey);
}

/**
 * Submits the job of a run. It has a trace of its own, with a link to the request that made the schedule and, if a caller
 * triggers it, to that request. The log says in that trace what became of the run.
 * @returns the job; the same if the run was submitted before
 * @throws ThroughlineError as a submission does
 */
export async function submitRun(
  parts: SubmitRunParts,
  row: ScheduleRow,
  run: number | Trigger,
): Promise<SubmitResult> {
  const jobId = await jobIdOf(row, run);
  const active = context.active();
  const base = withService(propagation.deleteBaggage(active), SERVICE.schedules);
  const links = [makerOf(row), typeof run === 'number' ? undefined : trace.getSpanContext(active)];
  const options = { kind: SpanKind.INTERNAL, attributes: attributesOf(row, run, jobId) };
  const { span, started } = startRootSpan(tracer, 'run schedule', options, base, links);
  return await context.with(started, async () => {
    try {
      const result = await submitChecked(parts, row, commandOf(row, run, jobId));
      // A trigger that is repeated submits nothing.
      if (typeof run === 'number' || !result.replayed)
        parts.log.info('run submitted', { schedule: row.name, tenant: row.tenant, job_id: result.job.id });
      return result;
    } catch (thrown) {
      throw describeError(span, logRefusal(parts.log, row, thrown));
    } finally {
      span.end();
    }
  });
}

/** Logs why a run was refused, or has to be tried again. @returns the error as one of ours */
export function logRefusal(log: Logger, { name, tenant }: ScheduleRow, thrown: unknown): ThroughlineError {
  const error = errorFrom(thrown);
  const { code } = error;
  log.warn('run refused', { schedule: name, tenant, code, reason: loggedReason(error) });
  return error;
}

function attributesOf({ name, tenant }: ScheduleRow, run: RunPlace['run'], jobId: string): Attributes {
  return {
    [ATTR.scheduleName]: name,
    [ATTR.jobTenant]: tenant,
    [ATTR.jobId]: jobId,
    ...(typeof run === 'number' ? { [ATTR.scheduledFor]: new Date(run).toISOString() } : {}),
  };
}

function commandOf(row: ScheduleRow, run: number | Trigger, jobId: string): Command {
  const { operation, input } = requestOf(row);
  const quotas = typeof run === 'number' ? undefined : run.quotas;
  return {
    tenant: row.tenant,
    quotas,
    jobId,
    operation,
    input,
    waitMs: 0,
    inputJson: JSON.stringify(input) ?? 'null',
    acceptedAt: new Date().toISOString(),
    spec: { ...specOfRow(row), fingerprint: fingerprintOf(row, run) },
  };
}

/**
 * The fingerprint of a run. That of a trigger is the digest of the schedule: after a change of the schedule, the bridge refuses a key
 * that was used before. A trigger with a new key has no fingerprint, so that the bridge does not look for its job.
 */
function fingerprintOf({ digest }: ScheduleRow, run: number | Trigger): string | undefined {
  if (typeof run === 'number') return FINGERPRINT;
  return run.isNewKey ? undefined : digest;
}

/** Submits a job with the last result of the check of its input. If the rules have changed since, the input is checked again. */
async function submitChecked(
  parts: SubmitRunParts,
  row: ScheduleRow,
  command: Command,
): Promise<SubmitResult> {
  const { operation, input } = command;
  let inputCheck = inputCheckOf(row);
  let error: ThroughlineError | undefined;
  for (let round = 1; ; round++) {
    const answer = await parts.bridge.submit({ ...command, inputCheck });
    if (answer.outcome === 'accepted') return { job: JSON.parse(answer.json) as Job, replayed: false };
    if (answer.outcome === 'submitted') return answer;
    if (answer.outcome === 'refused') throw error ?? inputInvalid(operation, []);
    if (answer.rules !== undefined) {
      ({ inputCheck, error } = checkInput(operation, input, answer.rules));
      parts.keepCheck(row.name, inputCheck);
    }
    if (round === MAX_CHECK_ROUNDS) inputCheck = LEFT_TO_WORKER;
  }
}

function checkInput(
  operation: string,
  input: unknown,
  { digest, schema }: InputRules,
): { readonly inputCheck: InputCheck; readonly error: ThroughlineError | undefined } {
  const verdict = new InputSchema(schema).check(input, new StepBudget(MOST_STEPS));
  const error = verdict.outcome === 'refused' ? inputInvalid(operation, verdict.violations) : undefined;
  return { inputCheck: { digest, outcome: verdict.outcome }, error };
}
