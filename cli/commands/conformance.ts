import { type Command, InvalidArgumentError } from 'commander';
import { durationMs } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import { findProgram } from '../conformance/program/find-program.ts';
import type { CaseReport, ConformanceReport } from '../conformance/report.ts';
import { caseText, reportText } from '../conformance/report-text.ts';
import type { RunOptions } from '../conformance/worker-run.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host } from '../host.ts';
import { Interrupt } from '../interrupt.ts';
import type { Output } from '../text/output.ts';

const ACK_WAIT_MS = 3_000;
const PATIENCE_MS = 8_000;
const START_MS = 60_000;

interface ConformanceFlags {
  readonly nats?: string;
  readonly case: readonly string[];
  readonly skip: readonly string[];
}

interface WorkerFlags extends ConformanceFlags {
  readonly ackWait?: number;
  readonly patience?: number;
  readonly startTimeout?: number;
}

interface ProducerFlags extends ConformanceFlags {
  readonly timeout?: number;
}

/** `conformance worker | producer`. Neither calls the API. */
export function defineConformance(program: Command, host: Host): Command {
  const conformance = program
    .command('conformance')
    .description('Checks a worker or a producer in any language against docs/PROTOCOL.md.');
  defineWorkerCheck(conformance, host);
  defineProducerCheck(conformance, host);
  return conformance;
}

function defineWorkerCheck(conformance: Command, host: Host): void {
  withCommonOptions(conformance.command('worker'))
    .description(
      'Starts a worker with NATS_URL and WORKER_… in its environment, gives it jobs, and checks what it does. It ends with 1 if a case fails.',
    )
    .argument('<command...>', 'the program and its arguments, after --')
    .option('--ack-wait <duration>', 'WORKER_ACK_WAIT_MS of the worker (default 3s)', durationMs)
    .option(
      '--patience <duration>',
      'how long a job may take that waits for nothing (default 8s)',
      durationMs,
    )
    .option(
      '--start-timeout <duration>',
      'how long the worker may take to ask for jobs (default 1m)',
      durationMs,
    )
    .addHelpText(
      'after',
      examples(
        [
          'throughline conformance worker -- python worker.py',
          'check a worker, with a nats-server of its own',
        ],
        ['throughline conformance worker --case echo --case retry -- go run ./worker', 'only two cases'],
        ['throughline conformance worker --json -- ./worker | jq .cases', 'for a pipeline'],
      ),
    )
    .action(async (command: string[], flags: WorkerFlags, self: Command) =>
      host.runLocal(self, async (output, { debug = false }) => {
        // Imported only here, so that other commands do not load a NATS client.
        const [{ runWorker }, { WORKER_CASES }] = await Promise.all([
          import('../conformance/worker-run.ts'),
          import('../conformance/cases/all.ts'),
        ]);
        const { ackWait: ackWaitMs = ACK_WAIT_MS, patience: patienceMs = PATIENCE_MS } = flags;
        const { startTimeout: startTimeoutMs = START_MS } = flags;
        const cases = chosen(WORKER_CASES, flags);
        const shared = { command, ackWaitMs, patienceMs, startTimeoutMs, cases, skipped: flags.skip };
        return await check('worker', { command, flags, host, output, debug }, (options) =>
          runWorker({ ...shared, ...options }),
        );
      }),
    );
}

function defineProducerCheck(conformance: Command, host: Host): void {
  withCommonOptions(conformance.command('producer'))
    .description(
      'Starts a producer with NATS_URL, CONFORMANCE_… and TRACEPARENT in its environment, and checks the job that it publishes. It ends with 1 if a case fails.',
    )
    .argument('<command...>', 'the program and its arguments, after --')
    .option('--timeout <duration>', 'how long the program may take (default 1m)', durationMs)
    .addHelpText(
      'after',
      examples(['throughline conformance producer -- python submit.py', 'check what a program publishes']),
    )
    .action(async (command: string[], flags: ProducerFlags, self: Command) =>
      host.runLocal(self, async (output, { debug = false }) => {
        const [{ runProducer }, { PRODUCER_CASES }] = await Promise.all([
          import('../conformance/producer/run.ts'),
          import('../conformance/producer/cases.ts'),
        ]);
        const cases = chosen(PRODUCER_CASES, flags);
        const shared = { command, timeoutMs: flags.timeout ?? START_MS, cases, skipped: flags.skip };
        return await check('producer', { command, flags, host, output, debug }, (options) =>
          runProducer({ ...shared, ...options }),
        );
      }),
    );
}

function withCommonOptions(command: Command): Command {
  return command
    .option('--nats <url>', 'a NATS that nobody else uses (default: a nats-server of its own)')
    .option('--case <name>', 'run only this case; repeatable', collected, [])
    .option('--skip <name>', 'do not run this case; repeatable', collected, []);
}

interface CheckParts {
  readonly command: readonly string[];
  readonly flags: ConformanceFlags;
  readonly host: Host;
  readonly output: Output;
  readonly debug: boolean;
}

type Given = Pick<RunOptions, 'environment' | 'natsUrl' | 'onCase' | 'onLine' | 'signal'>;

/** Runs the cases of one side, and prints what they found. @returns the exit code */
async function check(
  of: ConformanceReport['of'],
  { command, flags, host, output, debug }: CheckParts,
  run: (given: Given) => Promise<CaseReport[]>,
): Promise<number> {
  // Before a nats-server is started or fetched: without the program, that would be in vain.
  await findProgram(command[0] ?? '', host.environment.PATH);
  const interrupt = new Interrupt((error) => output.error(error, debug));
  const nats = flags.nats === undefined ? await ownNats(output) : undefined;
  const { paint } = output;
  try {
    const running = run({
      environment: host.environment,
      natsUrl: flags.nats ?? nats?.url ?? '',
      onCase: (report) => output.json || output.text(caseText(report, paint)),
      onLine: (line) => debug && output.note(line),
      signal: interrupt.signal,
    });
    const cases = await Promise.race([running, aborted(interrupt.signal)]).finally(() =>
      running.catch(() => undefined),
    );
    const ok = cases.every(({ outcome }) => outcome !== 'failed');
    const report: ConformanceReport = { ok, of, command, cases };
    output.result(report, () => reportText(report, paint));
    return ok ? EXIT.ok.code : EXIT.jobFailed.code;
  } finally {
    await nats?.stop();
    interrupt.dispose();
  }
}

async function ownNats(output: Output) {
  const { startOwnNats } = await import('../local/own-nats.ts');
  return await startOwnNats((line) => output.note(line));
}

interface NamedCase {
  readonly name: string;
  readonly sentences: readonly string[];
}

/** The cases that are named, or all. @throws CliError `usage-invalid` for a name that no case has */
function chosen<Case extends NamedCase>(all: readonly Case[], flags: ConformanceFlags): readonly Case[] {
  const unknown = [...flags.case, ...flags.skip].find((name) => all.every((one) => one.name !== name));
  if (unknown !== undefined)
    throw new CliError('usage-invalid', `there is no case ${unknown}`, { hint: hintFor(all, unknown) });
  return flags.case.length === 0 ? all : all.filter(({ name }) => flags.case.includes(name));
}

function hintFor(all: readonly NamedCase[], unknown: string): string {
  const checking = all.filter(({ sentences }) => sentences.includes(unknown));
  const names = (cases: readonly NamedCase[]): string => cases.map(({ name }) => name).join(', ');
  if (checking.length > 0) return `that is a sentence, which is checked by ${names(checking)}`;
  return `the cases are ${names(all)}`;
}

function collected(text: string, previous: readonly string[]): readonly string[] {
  if (/^[a-z-]+$/.test(text)) return [...previous, text];
  throw new InvalidArgumentError('It must be the name of a case.');
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}
