import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { describeThrown, ThroughlineError } from '../shared/errors.ts';
import { Job } from '../shared/job/job.ts';
import { stopSignal } from '../shared/processes/stop-signal.ts';
import type { SpanRecord } from '../shared/trace/span-record.ts';
import { renderWaterfall } from '../shared/trace/waterfall.ts';
import { hostEnvironment } from './machine/environment.ts';
import { CLI } from './machine/programs.ts';
import { type Stack, startStack } from './stack.ts';
import { FREE_PORTS } from './stack-options.ts';
import { traceFaults } from './trace-check.ts';

const run = promisify(execFile);
const OPERATIONS = fileURLToPath(new URL('../examples/operations', import.meta.url));
const TRACE_TIMEOUT_MS = 60_000;
const INPUT = { text: 'One trace follows a job from its caller to the worker and back' };

interface DemoResult {
  readonly job: Job;
  readonly spans: readonly SpanRecord[];
  readonly logs: readonly Record<string, unknown>[];
}

/**
 * `npm run demo`: starts everything, submits a job with the CLI, and shows its result and its trace.
 * @returns the exit code: 0 when the trace is complete, 1 when anything failed
 */
async function main(json: boolean): Promise<number> {
  const lines: string[] = [];
  let stack: Stack | undefined;
  void stopSignal(process, ['SIGINT', 'SIGTERM'])
    .then(() => stack?.stop())
    .then(() => process.exit(130));
  try {
    stack = await startDemoStack(lines);
    const result = await followJob(stack, lines);
    process.stdout.write(json ? `${JSON.stringify(asJson(result))}\n` : asText(result));
    return 0;
  } catch (thrown) {
    say(`demo failed: ${describeThrown(thrown)}`);
    return 1;
  } finally {
    await stack?.stop();
  }
}

async function startDemoStack(lines: string[]): Promise<Stack> {
  return await startStack({
    ports: FREE_PORTS,
    operationsFolder: OPERATIONS,
    onLog: (line) => lines.push(line),
    onStep: say,
  });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function followJob(stack: Stack, lines: readonly string[]): Promise<DemoResult> {
  const job = await submit(stack);
  if (job.state !== 'succeeded') {
    throw new ThroughlineError(
      'internal',
      `the job ended as ${job.state}: ${job.error?.message ?? 'no reason was given'}`,
    );
  }
  const spans = await stack.collector
    .waitForSpans(job.traceId, (arrived) => traceFaults(arrived).length === 0, TRACE_TIMEOUT_MS)
    .catch(() => stack.collector.spans(job.traceId));
  const faults = traceFaults(spans);
  if (faults.length > 0) throw new ThroughlineError('internal', `the trace is broken: ${faults.join('; ')}`);
  return { job, spans, logs: logsOf(job.traceId, lines) };
}

/** Submits the job as a user does: with the CLI, in its own process. */
async function submit(stack: Stack): Promise<Job> {
  const args = [CLI, 'submit', 'text.count', JSON.stringify(INPUT), '--wait', '30', '--json'];
  const settings = {
    THROUGHLINE_URL: stack.url,
    THROUGHLINE_API_KEY: stack.apiKey,
    OTEL_EXPORTER_OTLP_ENDPOINT: stack.collector.otlpUrl,
  };
  const { stdout } = await run(process.execPath, args, { env: { ...hostEnvironment(), ...settings } });
  return Job.parse(JSON.parse(stdout));
}

function logsOf(traceId: string, lines: readonly string[]): Record<string, unknown>[] {
  return lines
    .filter((line) => line.includes(traceId))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

function asJson({ job, spans, logs }: DemoResult): Record<string, unknown> {
  return { jobId: job.id, state: job.state, traceId: job.traceId, result: job.result, spans, logs };
}

function asText({ job, spans, logs }: DemoResult): string {
  const color = process.stdout.hasColors?.() ?? false;
  const logLines = logs.map(({ time, service, msg }) => `  ${time}  ${String(service).padEnd(18)}  ${msg}`);
  return `
job ${job.id} ${job.state}: ${JSON.stringify(job.result)}

${renderWaterfall([...spans], { color, width: process.stdout.columns ?? 100 })}

${logs.length} log lines with this trace_id:
${logLines.join('\n')}

`;
}

const command = new Command('npm run demo --')
  .description('Starts everything, submits a job, prints its result and its trace, and stops everything.')
  .option('--json', 'print the job, its spans and its log lines as JSON')
  .parse();
process.exitCode = await main(command.opts<{ json?: true }>().json === true);
