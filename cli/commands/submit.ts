import type { Command } from 'commander';
import { isTerminal, type Job, LIMITS } from '../../shared/job.ts';
import { ATTR } from '../../shared/semantics.ts';
import type { BaggagePair } from '../baggage.ts';
import { CallerTrace, HTTP } from '../caller-trace.ts';
import { EXIT, exitCodeOfJob } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { readJobInput } from '../job-input.ts';
import {
  baggagePairs,
  callbackUrl,
  durationText,
  idempotencyKey,
  operationName,
  wholeNumber,
} from '../options.ts';

const DEFAULT_WAIT_SECONDS = 30;

/** After Ctrl-C, nobody waits for a collector. */
const INTERRUPTED_FLUSH_MS = 300;

interface SubmitFlags {
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
    .argument('<operation>', 'what to run, such as http.request', operationName)
    .argument('[input]', 'JSON, @file, or - for standard input; null when absent')
    .option(
      '--wait [seconds]',
      `wait for the job's end, 1 to ${LIMITS.waitSeconds} seconds (default ${DEFAULT_WAIT_SECONDS}); exit code 4 when it takes longer`,
      wholeNumber(1, LIMITS.waitSeconds, ' Write --wait=30, or put --wait last.'),
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
        ['throughline submit echo --baggage user=ada --baggage plan=pro', 'with baggage'],
        [
          'OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 throughline submit echo',
          'with a span of its own; a TRACEPARENT in the environment is continued',
        ],
      ),
    )
    .action(
      async (operation: string, input: string | undefined, flags: WaitFlags, command: Command) =>
        await host.run(command, (scope) => submit(operation, input, withDefaultWait(flags), scope)),
    );
}

/** As Commander gives them: `--wait` alone is true. */
type WaitFlags = Omit<SubmitFlags, 'wait'> & { readonly wait?: number | true };

function withDefaultWait({ wait, ...flags }: WaitFlags): SubmitFlags {
  return wait === undefined ? flags : { ...flags, wait: wait === true ? DEFAULT_WAIT_SECONDS : wait };
}

async function submit(
  operation: string,
  argument: string | undefined,
  flags: SubmitFlags,
  scope: Scope,
): Promise<number> {
  const { output, signal, environment, debug, stdin, defer } = scope;
  const input = await readJobInput(argument, { stdin, signal });
  const warn = (sentence: string): void => output.warn(sentence);
  const caller = await CallerTrace.start({ environment, debug, baggage: flags.baggage ?? [], warn });
  defer(() => caller.flush(signal.aborted ? INTERRUPTED_FLUSH_MS : undefined));
  const job = await send(caller, { operation, input }, flags, scope);
  output.job(job);
  if (isTerminal(job.state)) return exitCodeOfJob(job);
  output.hint(`follow it with: throughline watch ${job.id}`);
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
      const answer = await api.submit(body, { carrier, waitSeconds: wait, idempotencyKey });
      span.setAttribute(HTTP.status, answer.status);
      span.setAttribute(ATTR.jobId, answer.job.id);
      if (isTerminal(answer.job.state)) span.setAttribute(ATTR.jobOutcome, answer.job.state);
      return answer.job;
    });
  } finally {
    status.clear();
  }
}
