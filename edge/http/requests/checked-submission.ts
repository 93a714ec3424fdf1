import { errorFrom } from '../../../shared/error-table.ts';
import { describeThrown, ThroughlineError } from '../../../shared/errors.ts';
import {
  type Accepted,
  type InputCheck,
  LEFT_TO_WORKER,
  MAX_CHECK_ROUNDS,
  type Passed,
  type Submitted,
  type Untaken,
} from '../../calls/commands.ts';
import { type Reply, refusal, unwrapReply } from '../../calls/reply.ts';
import { logFailure } from '../../telemetry/log.ts';
import { inputInvalid } from '../../validation/input-invalid.ts';
import { MOST_STEPS, StepBudget } from '../../validation/step-budget.ts';
import type { AppBindings } from '../edge-app.ts';
import type { PreparedJob } from './submission.ts';

type Tools = Pick<AppBindings, 'inputRules' | 'log'>;
type Send<Taken> = (jobs: readonly PreparedJob[]) => Promise<readonly Reply<Taken | Untaken>[]>;

/** A job whose input was checked: the command for the bridge, and the error for its caller if the input is refused. */
interface CheckedJob {
  readonly job: PreparedJob;
  readonly command: PreparedJob;
  readonly error: ThroughlineError | undefined;
}

/**
 * Checks the inputs of jobs, by the rules that this isolate knows, and submits the jobs. If the bridge knows newer rules, a job is
 * checked and submitted again.
 * @param send submits jobs and gives a reply for each, in order
 * @returns a reply for each job, in order; `input-invalid` with the paths that are wrong
 * @throws ThroughlineError when `send` does
 */
export async function submitChecked<Taken extends Submitted | Passed>(
  jobs: readonly PreparedJob[],
  tools: Tools,
  send: Send<Taken>,
): Promise<Reply<Taken>[]> {
  const budget = new StepBudget(MOST_STEPS);
  const replies = new Map<PreparedJob, Reply<Taken>>();
  for (let round = 1, open = jobs; open.length > 0; round++) {
    const checked = open.map((job) =>
      round > MAX_CHECK_ROUNDS ? unchecked(job) : checkInput(job, tools, budget),
    );
    const answers = await send(checked.map(({ command }) => command)).catch((thrown: unknown) => {
      // Jobs of an earlier round were taken: their caller must hear of them.
      if (replies.size === 0) throw thrown;
      const error = errorFrom(thrown);
      logFailure(tools.log, error);
      return open.map(() => refusal(error));
    });
    for (const [place, one] of checked.entries()) {
      const reply = replyTo(one, answers[place], tools);
      if (reply !== undefined) replies.set(one.job, reply);
    }
    open = open.filter((job) => !replies.has(job));
  }
  return jobs.flatMap((job) => replies.get(job) ?? []);
}

/**
 * As {@link submitChecked}, for one job.
 * @param send submits it
 * @throws ThroughlineError what `send` throws; `input-invalid`
 */
export async function submitOneChecked(
  job: PreparedJob,
  tools: Tools,
  send: (job: PreparedJob) => Promise<Submitted | Accepted | Untaken>,
): Promise<Submitted | Accepted> {
  const budget = new StepBudget(MOST_STEPS);
  for (let round = 1; ; round++) {
    const checked = round > MAX_CHECK_ROUNDS ? unchecked(job) : checkInput(job, tools, budget);
    const answer = await send(checked.command);
    if (answer.outcome === 'accepted') return answer;
    const reply = replyTo(checked, { ok: true, value: answer }, tools);
    if (reply !== undefined) return unwrapReply(reply);
  }
}

/** The reply to a job; undefined if it, or a job before it, must be checked by newer rules. */
function replyTo<Taken extends Submitted | Passed>(
  { job, error }: CheckedJob,
  answer: Reply<Taken | Untaken> | undefined,
  { inputRules }: Tools,
): Reply<Taken> | undefined {
  if (answer === undefined) return refusal(lostJob());
  if (!answer.ok) return answer;
  const { value } = answer;
  if (!isUntaken(value)) return { ok: true, value };
  if (value.outcome === 'refused')
    return refusal(error ?? new ThroughlineError('internal', 'the bridge refused an input that was not'));
  if (value.rules !== undefined) inputRules.put(job.operation, value.rules);
  return undefined;
}

/** The error for a job that the bridge gave no reply to: a fault of ours. */
export function lostJob(): ThroughlineError {
  return new ThroughlineError('internal', 'the bridge lost a job');
}

function isUntaken(value: Submitted | Passed | Untaken): value is Untaken {
  return value.outcome === 'refused' || value.outcome === 'rules-needed';
}

function checkInput(job: PreparedJob, { inputRules, log }: Tools, budget: StepBudget): CheckedJob {
  const rules = inputRules.get(job.operation);
  if (rules === undefined) return { job, command: job, error: undefined };
  const verdict = rules.schema.check(job.input, budget);
  const { digest } = rules;
  const inputCheck = { digest, outcome: verdict.outcome } satisfies InputCheck;
  if (verdict.outcome === 'failed')
    log.error('the check of an input failed', {
      operation: job.operation,
      reason: describeThrown(verdict.thrown),
    });
  if (verdict.outcome !== 'refused') return { job, command: { ...job, inputCheck }, error: undefined };
  // The bridge does not need the input of a job that it will not accept.
  return {
    job,
    command: { ...job, input: null, inputJson: 'null', inputCheck },
    error: inputInvalid(job.operation, verdict.violations),
  };
}

/** A job whose input is left to the worker. */
function unchecked(job: PreparedJob): CheckedJob {
  return { job, command: { ...job, inputCheck: LEFT_TO_WORKER }, error: undefined };
}
