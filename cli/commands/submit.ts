import type { Command } from 'commander';
import { isTerminal, type Job, LIMITS } from '../../shared/job/job.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { CliError } from '../cli-error.ts';
import { EXIT, exitCodeOfJob } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import type { BaggagePair } from '../input/baggage.ts';
import { readJobInput } from '../input/job-input.ts';
import {
  baggagePairs,
  callbackUrl,
  durationText,
  idempotencyKey,
  operationName,
  wholeNumber,
} from '../options.ts';
import { startCaller } from '../trace/caller.ts';
import { type CallerTrace, HTTP } from '../trace/caller-trace.ts';
import { submitBatch } from './submit-batch.ts';

const DEFAULT_WAIT_SECONDS = 30;

interface SubmitFlags {
  readonly batch?: string;
  readonly wait?: number;
  readonly baggage?: readonly BaggagePair[];
  readonly idempotencyKey?: string;
  readonly delay?: string;
  readonly callback?: string;
  readonly timeout?: string;
  readonly maxAttempts?: number;
}

/** `submit <operation> [input]`. */
export function defineSubmit(program: Command, host: Host): Command {
  return program
    .command('submit')
    .description('Submits a job, as the first span of its trace.')
    .argument('[operation]', 'what to run, such as http.request', operationName)
    .argument('[input]', 'JSON, @file, or - for standard input; null when absent')
    .option(
      '--wait [seconds]',
      `wait for the job's end, 1 to ${LIMITS.waitSeconds} seconds (default ${DEFAULT_WAIT_SECONDS}); exit code 4 when it takes longer`,
      wholeNumber(1, LIMITS.waitSeconds, ' Write --wait=30, or put --wait last.'),
    )
    .option(
      '--batch <file>',
      'many jobs instead: a JSON list, or a job in each line; - for standard input; exit code 2 or 3 when one was refused',
    )
    .option('--baggage <key=value>', 'travels with the job to its worker; repeatable', baggagePairs)
    .option('--idempotency-key <key>', 'the same key always means the same job', idempotencyKey)
    .option('--delay <delay>', 'run it later: after a duration such as 90s, or at an instant (RFC 3339)')
    .option('--callback <url>', 'where the worker is to POST its end, signed', callbackUrl)
    .option('--timeout <duration>', 'how long one attempt may take, such as 30s', durationText)
    .option('--max-attempts <n>', 'how often it is tried at most', wholeNumber(1, LIMITS.maxAttempts))
    .addHelpText(
      'after',
      examples(
        ['throughline submit echo \'{"hello":"world"}\'', 'hand it over, and go on'],
        ['throughline submit http.request @request.json --wait 10', 'wait up to ten seconds for its result'],
        ["jq -n '{n: 1}' | throughline submit echo - --json", 'from a pipe, for a script'],
        ['throughline submit --batch jobs.jsonl', 'many: {"operation":"echo","input":1} in each line'],
        ['throughline submit echo --baggage user=ada --baggage plan=pro', 'with baggage'],
        [
          'OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 throughline submit echo',
          'with a span of its own; a TRACEPARENT in the environment is continued',
        ],
      ),
    )
    .action(
      async (operation: string | undefined, input: string | undefined, flags: WaitFlags, command: Command) =>
        await host.run(command, (scope) => submit(operation, input, withDefaultWait(flags), scope)),
    );
}

/** As Commander gives them: `--wait` alone is true. */
type WaitFlags = Omit<SubmitFlags, 'wait'> & { readonly wait?: number | true };

function withDefaultWait({ wait, ...flags }: WaitFlags): SubmitFlags {
  return wait === undefined ? flags : { ...flags, wait: wait === true ? DEFAULT_WAIT_SECONDS : wait };
}

async function submit(
  operation: string | undefined,
  argument: string | undefined,
  flags: SubmitFlags,
  scope: Scope,
): Promise<number> {
  checkUsage(operation, flags);
  const input = await readJobInput(argument, scope);
  const caller = await startCaller(scope, flags.baggage);
  return operation === undefined
    ? await submitBatch(caller, flags.batch ?? '-', flags.idempotencyKey, scope)
    : await submitOne(caller, { operation, input }, flags, scope);
}

/** @throws CliError `usage-invalid` when it is neither one job nor a batch, or both */
function checkUsage(
  operation: string | undefined,
  { batch, wait, delay, timeout, maxAttempts }: SubmitFlags,
): void {
  if (operation === undefined && batch === undefined) {
    throw new CliError(
      'usage-invalid',
      "missing required argument 'operation', or --batch with a file of jobs",
    );
  }
  if (operation !== undefined && batch !== undefined) {
    throw new CliError(
      'usage-invalid',
      'what is to run? Name an operation, or a file with --batch; not both',
    );
  }
  const ofOne = [wait, delay, timeout, maxAttempts].some((flag) => flag !== undefined);
  if (batch !== undefined && ofOne) {
    throw new CliError(
      'usage-invalid',
      'with --batch, each job says its own delay, timeout and maxAttempts',
      {
        hint: '--wait is for one job; `throughline watch` follows any',
      },
    );
  }
}

async function submitOne(
  caller: CallerTrace,
  job: { operation: string; input: unknown },
  flags: SubmitFlags,
  scope: Scope,
): Promise<number> {
  const { output } = scope;
  const submitted = await send(caller, job, flags, scope);
  output.job(submitted);
  if (isTerminal(submitted.state)) return exitCodeOfJob(submitted);
  output.hint(`follow it with: throughline watch ${submitted.id}`);
  return flags.wait === undefined ? EXIT.ok.code : EXIT.unfinished.code;
}

async function send(
  caller: CallerTrace,
  { operation, input }: { operation: string; input: unknown },
  { wait, idempotencyKey, delay, callback, timeout, maxAttempts }: SubmitFlags,
  { api, output }: Scope,
): Promise<Job> {
  const status = output.statusLine();
  if (wait !== undefined) status.show(`waiting for ${operation}`);
  const attributes = {
    [ATTR.jobOperation]: operation,
    [HTTP.method]: 'POST',
    [HTTP.url]: api.jobsUrl,
  };
  try {
    return await caller.run(`submit ${operation}`, attributes, async (carrier, span) => {
      const body = {
        operation,
        input,
        delay,
        timeout,
        maxAttempts,
        callback: callback === undefined ? undefined : { url: callback },
      };
      const answer = await api.submit(body, { trace: carrier, waitSeconds: wait, idempotencyKey });
      span.setAttribute(HTTP.status, answer.status);
      span.setAttribute(ATTR.jobId, answer.job.id);
      if (isTerminal(answer.job.state)) span.setAttribute(ATTR.jobOutcome, answer.job.state);
      return answer.job;
    });
  } finally {
    status.clear();
  }
}
