import { type Command, Option } from 'commander';
import { ApiError } from '../../../client/errors.ts';
import { defined } from '../../../shared/defined.ts';
import type { Job } from '../../../shared/job/job.ts';
import { isTerminal } from '../../../shared/job/job-state.ts';
import { UNIQUE_WHILE, type UniqueWhile } from '../../../shared/job/unique.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import {
  baggagePairs,
  commonKey,
  idempotencyKey,
  operationName,
  secondsOfWait,
  uniqueFor,
  WAIT_HELP,
  waitSeconds,
} from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import { EXIT, exitCodeOfJob } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host, Scope } from '../../host.ts';
import { readJobInput } from '../../input/job-input.ts';
import { addJobOptions, checkJobFlags, type JobFlags, jobFieldsOf } from '../../job-options.ts';
import type { BaggagePair } from '../../trace/baggage.ts';
import type { CallerTrace } from '../../trace/caller-trace.ts';
import { watch } from '../watch.ts';
import { type JobOptions, submitBatch } from './submit-batch.ts';

interface SubmitFlags extends JobFlags {
  readonly batch?: string;
  readonly wait?: number | true;
  readonly follow?: boolean;
  readonly baggage?: readonly BaggagePair[];
  readonly idempotencyKey?: string;
  readonly delay?: string;
  readonly uniqueKey?: string;
  readonly uniqueWhile?: UniqueWhile;
  readonly uniqueFor?: string;
}

const EXAMPLES: readonly (readonly [command: string, what: string])[] = [
  ['throughline submit echo \'{"hello":"world"}\'', 'submit a job and do not wait for it'],
  ['throughline submit http.request @request.json --wait 10', 'wait up to ten seconds for its result'],
  ["jq -n '{n: 1}' | throughline submit echo - --json", 'take the input from a pipe, and print JSON'],
  ['throughline submit report.nightly --follow', 'submit a job and follow it to its end'],
  ['throughline submit --batch jobs.jsonl', 'submit many jobs: {"operation":"echo","input":1} in each line'],
  [
    'throughline submit --batch jobs.jsonl --delay 1h',
    'each of them in an hour, unless its line has a delay',
  ],
  ['throughline submit report --unique-key daily', 'submit a job unless one with this key has not ended'],
  ['throughline submit echo --baggage user=ada --baggage plan=pro', 'send baggage with the job'],
  [
    'OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 throughline submit echo',
    'record the span of this command; a TRACEPARENT in the environment is continued',
  ],
];

/** `submit <operation> [input]`. */
export function defineSubmit(program: Command, host: Host): Command {
  return addJobOptions(program.command('submit'))
    .description('Submits a job, as the first span of its trace.')
    .argument('[operation]', 'what to run, such as http.request', operationName)
    .argument('[input]', 'JSON, @file, or - for standard input; default: null')
    .option('--wait [seconds]', `wait until the job has ended, ${WAIT_HELP}`, waitSeconds('--follow'))
    .option('--follow', 'follow it to its end, however long that takes, and print it then')
    .option(
      '--batch <file>',
      'submit many jobs: a JSON list, or one job in each line; - for standard input; --delay, --callback, --timeout, --max-attempts, --priority, --ordering-key, --unique-key (with --unique-while and --unique-for) and --tag are for each job that has none of its own; the exit code is 2 or 3 if one was refused',
    )
    .option(
      '--baggage <key=value>',
      'baggage that travels with the job to its worker; repeatable',
      baggagePairs,
    )
    .option('--idempotency-key <key>', 'the same key always means the same job', idempotencyKey)
    .option('--delay <delay>', 'run it later: after a duration such as 90s, or at a time (RFC 3339)')
    .option(
      '--unique-key <key>',
      'make no new job while one of the operation with this key is there',
      commonKey,
    )
    .addOption(
      new Option(
        '--unique-while <state>',
        'a job with the key is there until it starts (queued), or until it ends (running; the default)',
      ).choices(UNIQUE_WHILE),
    )
    .option('--unique-for <duration>', 'and for this long after it was accepted, such as 10m', uniqueFor)
    .addHelpText('after', examples(...EXAMPLES))
    .action(
      async (
        operation: string | undefined,
        input: string | undefined,
        flags: SubmitFlags,
        command: Command,
      ) => await host.run(command, (scope) => submit(operation, input, flags, scope)),
    );
}

async function submit(
  operation: string | undefined,
  argument: string | undefined,
  flags: SubmitFlags,
  scope: Scope,
): Promise<number> {
  checkUsage(operation, flags);
  const input = await readJobInput(argument, scope);
  const trace = await scope.startTrace(flags.baggage);
  if (operation === undefined)
    return await submitBatch(flags.batch ?? '-', jobOptions(flags), flags.idempotencyKey, trace, scope);
  try {
    return await submitOne({ operation, input }, flags, trace, scope);
  } catch (thrown) {
    // The API speaks of the null that this command has sent. The JSON of the error stays that of the API.
    if (argument === undefined && thrown instanceof ApiError && thrown.code === 'input-invalid')
      thrown.message += ' (no input was given)';
    throw thrown;
  }
}

/** @throws CliError `usage-invalid` unless it is either one job or a batch */
function checkUsage(operation: string | undefined, flags: SubmitFlags): void {
  const { batch, wait, follow } = flags;
  checkKeys(flags);
  if (operation === undefined && batch === undefined) {
    throw usageError("missing required argument 'operation', or --batch with a file of jobs");
  }
  if (operation !== undefined && batch !== undefined) {
    throw usageError('what should run? Name an operation, or a file with --batch, but not both');
  }
  if (follow !== undefined && (wait !== undefined || batch !== undefined)) {
    throw usageError('--follow goes with neither --wait nor --batch');
  }
  if (batch !== undefined && wait !== undefined) {
    throw usageError('--wait is for one job, not for --batch', '`throughline watch` follows any job');
  }
}

/** @throws CliError `usage-invalid` for options that do not go together */
function checkKeys(flags: SubmitFlags): void {
  const { orderingKey, uniqueKey, uniqueWhile, uniqueFor: period } = flags;
  checkJobFlags(flags);
  if (orderingKey !== undefined && uniqueKey !== undefined) {
    throw usageError('leave out --unique-key: a job with --ordering-key cannot have one');
  }
  if (uniqueKey === undefined && (uniqueWhile !== undefined || period !== undefined)) {
    throw usageError('--unique-while and --unique-for go with --unique-key');
  }
}

/** The fields of a job that options set. */
function jobOptions(flags: SubmitFlags): JobOptions {
  return defined({ unique: uniqueOf(flags), delay: flags.delay, ...jobFieldsOf(flags) });
}

function uniqueOf({
  uniqueKey,
  uniqueWhile = 'running',
  uniqueFor: period,
}: SubmitFlags): JobOptions['unique'] {
  return uniqueKey === undefined
    ? undefined
    : { key: uniqueKey, while: uniqueWhile, ...(period && { for: period }) };
}

function usageError(message: string, hint?: string): CliError {
  return new CliError('usage-invalid', message, { hint });
}

async function submitOne(
  job: { operation: string; input: unknown },
  flags: SubmitFlags,
  trace: CallerTrace,
  scope: Scope,
): Promise<number> {
  const { output } = scope;
  const { job: submitted, existing, replayed } = await sendJob(job, flags, trace, scope);
  if (existing) output.note('no new job was made: this one was there already');
  if (replayed) output.note('no new job was made: this one is from the first request with the key');
  if (flags.follow && !isTerminal(submitted.state)) return await follow(submitted, scope);
  if (output.json)
    output.document({ ...submitted, ...(existing && { existing }), ...(replayed && { replayed }) });
  else output.job(submitted);
  if (isTerminal(submitted.state)) return exitCodeOfJob(submitted);
  const seconds = secondsOfWait(flags.wait);
  if (seconds === undefined) output.hint(output.followText(submitted));
  else output.note(`the job has not ended within ${seconds} s; ${output.followText(submitted)}`);
  return seconds === undefined ? EXIT.ok.code : EXIT.unfinished.code;
}

/** Follows a job to its end. If that fails, it still says which job it is. */
async function follow(job: Job, scope: Scope): Promise<number> {
  const { output } = scope;
  output.note(`job ${job.id}`);
  try {
    return await watch(job.id, {}, scope);
  } catch (thrown) {
    if (output.json) output.job(job);
    output.note(`the job goes on; ${output.followText(job)}`);
    throw thrown;
  }
}

async function sendJob(
  { operation, input }: { operation: string; input: unknown },
  flags: SubmitFlags,
  trace: CallerTrace,
  { api, output }: Scope,
): Promise<{ job: Job; existing: boolean; replayed: boolean }> {
  const { wait, idempotencyKey } = flags;
  const body = { operation, input, ...jobOptions(flags) };
  const status = await output.statusLine();
  if (wait !== undefined) status.show(`waiting for ${operation}`);
  const attributes = {
    [ATTR.jobOperation]: operation,
    [ATTR.httpMethod]: 'POST',
    [ATTR.urlFull]: api.jobsUrl,
  };
  try {
    return await trace.run(`submit ${operation}`, attributes, async (carrier, span) => {
      const options = { trace: carrier, waitSeconds: secondsOfWait(wait), idempotencyKey };
      const answer = await api.submit(body, options);
      span.setAttribute(ATTR.httpStatus, answer.status);
      span.setAttribute(ATTR.jobId, answer.job.id);
      if (isTerminal(answer.job.state)) span.setAttribute(ATTR.jobOutcome, answer.job.state);
      return answer;
    });
  } finally {
    status.clear();
  }
}
