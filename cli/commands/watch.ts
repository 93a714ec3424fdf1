import type { Command } from 'commander';
import { pause, pollDelays } from '../../client/poll.ts';
import { isCallbackEvent } from '../../shared/job/callback-event.ts';
import { jobOfEvent } from '../../shared/job/event.ts';
import type { HistoryEvent } from '../../shared/job/event-record.ts';
import { isTerminal, type Job } from '../../shared/job/job.ts';
import { CliError } from '../cli-error.ts';
import { EXIT, exitCodeOf, exitCodeOfJob } from '../exit-code.ts';
import { followEvents } from '../follow-events.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { durationMs, jobId } from '../options.ts';
import { jobLine } from '../text/job-text.ts';

/** An API that answered before may miss this many questions in a row: it is being deployed, say. */
const MAX_FAILURES = 5;
/** A question to the API takes no longer. */
const QUESTION_MS = 15_000;

interface WatchFlags {
  readonly timeout?: number;
  readonly events?: boolean;
}

/** `watch <jobId>`. */
export function defineWatch(program: Command, host: Host): Command {
  return program
    .command('watch')
    .description('Follows a job to its end, and prints it then. In a pipe, that is all it prints.')
    .argument('<jobId>', 'as submit printed it', jobId)
    .option('--timeout <duration>', 'how long to watch at most, such as 90s; exit code 4 then', durationMs)
    .option('--events', 'print every event instead, from the first one on, each as a line of JSON')
    .addHelpText(
      'after',
      examples(
        ['throughline watch 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11', 'until it has ended'],
        [
          'throughline watch 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11 --timeout 5m --json',
          'for a script, five minutes at most',
        ],
        ['throughline watch 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11 --events | jq .kind', 'what happens to it'],
      ),
    )
    .action(
      async (id: string, flags: WatchFlags, command: Command) =>
        await host.run(command, (scope) => watch(id, flags, scope)),
    );
}

async function watch(id: string, flags: WatchFlags, scope: Scope): Promise<number> {
  const { output } = scope;
  const status = output.statusLine();
  const limitMs = flags.timeout ?? Number.POSITIVE_INFINITY;
  let job: Job;
  try {
    job = await untilEnded(id, limitMs, scope, {
      onJob: (current) => status.show(jobLine(current)),
      ...(flags.events ? { onEvent: (event) => output.line(event) } : {}),
    });
  } finally {
    status.clear();
  }
  if (!flags.events) output.job(job);
  return isTerminal(job.state) ? exitCodeOfJob(job) : EXIT.unfinished.code;
}

interface Listeners {
  readonly onJob: (job: Job) => void;
  /** Given: every event is wanted, those before now too. */
  readonly onEvent?: (event: HistoryEvent) => void;
}

/**
 * Follows a job by its events; where the API has none, asks for the job again and again.
 * @returns the job when it has ended, or as it was last seen when time is up
 * @throws ApiError or CliError when the API refuses, or does not answer any more
 */
async function untilEnded(id: string, limitMs: number, scope: Scope, listeners: Listeners): Promise<Job> {
  const { api } = scope;
  const { onJob, onEvent } = listeners;
  const until = performance.now() + limitMs;
  let job = await api.get(id, withinMs(limitMs));
  if (isTerminal(job.state) && onEvent === undefined) return job;
  onJob(job);
  const leftMs = Math.max(0, Math.ceil(until - performance.now()));
  const late = Number.isFinite(leftMs) ? AbortSignal.timeout(leftMs) : new AbortController().signal;
  const seen = (event: HistoryEvent): void => {
    onEvent?.(event);
    if (isCallbackEvent(event)) return;
    job = { ...job, ...jobOfEvent(event) };
    onJob(job);
  };
  const end = await followEvents(id, { api, signal: scope.signal, late, onEvent: seen });
  if (end === 'no-stream' && onEvent !== undefined) {
    throw new CliError('usage-invalid', 'this API has no event streams', { hint: 'leave out --events' });
  }
  if (end === 'late' || (end === 'ended' && onEvent !== undefined)) return job;
  return await poll(job, until, scope, onJob);
}

/** At most the usual time for a question, less when less is left. */
function withinMs(leftMs: number): { timeoutMs?: number } {
  return leftMs < QUESTION_MS ? { timeoutMs: leftMs } : {};
}

/** Asks for a job again and again, less and less often, until it has ended or time is up. */
async function poll(
  seen: Job,
  until: number,
  { api, signal }: Scope,
  onJob: (job: Job) => void,
): Promise<Job> {
  const left = (): number => until - performance.now();
  const delays = pollDelays();
  let job = seen;
  // The end of a job is known from its events already; what the API says of it then is the whole of it.
  let isWhole = false;
  for (let failures = 0; !(isTerminal(job.state) && isWhole) && left() > 0; ) {
    onJob(job);
    if (!isTerminal(job.state)) await pause(Math.min(delays.next().value, left()), signal);
    try {
      job = await api.get(job.id, withinMs(left()));
      isWhole = true;
      failures = 0;
    } catch (thrown) {
      const transient = exitCodeOf(thrown) === EXIT.unavailable.code;
      if (!transient || ++failures > MAX_FAILURES) throw thrown;
      if (isTerminal(job.state)) await pause(Math.min(delays.next().value, left()), signal);
    }
  }
  return job;
}
