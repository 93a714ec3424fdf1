import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { CommanderError } from 'commander';
import { describeThrown, ThroughlineError } from '../shared/errors.ts';
import { stopSignal } from '../shared/processes/stop-signal.ts';
import { escapeControls } from '../shared/text/terminal/escape-controls.ts';
import { shellWord } from '../shared/text/terminal/shell-command.ts';
import { type DevFlags, type DevOutput, devCommand, portOptions, stackOptionsOf } from './flags.ts';
import { hostEnvironment } from './machine/environment.ts';
import { isFreePort } from './machine/free-port.ts';
import { unreadSettings } from './machine/unread-settings.ts';
import { endOfLog } from './nats-server/run.ts';
import { type Stack, startStack } from './stack.ts';
import type { StackOptions } from './stack-options.ts';
import { FolderChanges } from './worker/folder-changes.ts';
import { exitText, ReloadedWorker } from './worker/reload.ts';

const EXIT_USAGE = 2;

/**
 * `npm run dev`, `throughline dev`: runs everything on this machine until Ctrl-C.
 * @param args the arguments after the command's name
 * @returns the exit code: 0 after Ctrl-C, 1 when a part failed, 2 for wrong usage
 */
export async function main(args: readonly string[]): Promise<number> {
  const command = devCommand();
  try {
    command.parse([...args], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.code === 'commander.excessArguments')
      say('After `npm run dev`, options stand behind `--`: npm run dev -- --operations operations');
    return thrown.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  return await run(command.opts<DevFlags>());
}

async function run(flags: DevFlags): Promise<number> {
  const interrupted = stopSignal(process, ['SIGINT', 'SIGTERM']);
  let stack: Stack | undefined;
  let changes: FolderChanges | undefined;
  unreadSettings(hostEnvironment(), flags).forEach(say);
  try {
    await checkPorts(flags);
    await checkFolder(flags);
    // Before the start, which takes seconds: what changes meanwhile may be read too late.
    if (flags.reload && flags.operations !== undefined) changes = await FolderChanges.of(flags.operations);
    stack = await startUnless(interrupted, stackOptionsOf(flags, outputOf(flags), say));
  } catch (thrown) {
    say(failureText(thrown));
    return 1;
  }
  if (stack === undefined) return 0;
  process.stdout.write(readyText(stack, flags));
  const worker = new ReloadedWorker({
    worker: stack.worker,
    startWorker: () => stack.addWorker(),
    changes,
    say,
  });
  const failure = await Promise.race([interrupted, partEnded(stack, worker)]);
  worker.stop();
  if (failure !== undefined) say(`dev: ${failure}`);
  await stack.stop();
  return failure === undefined ? 0 : 1;
}

/** What is said of an error that ended the start. Its lines stay lines: the search for nats-server says one thing on each. */
export function failureText(thrown: unknown): string {
  const text = thrown instanceof Error && thrown.message !== '' ? thrown.message : describeThrown(thrown);
  const lines = text.split('\n').map((line) => escapeControls(describeThrown(line)));
  return `dev: ${lines.join('\n')}`;
}

/** @throws ThroughlineError `config-invalid` that names an option whose port is taken */
async function checkPorts(flags: DevFlags): Promise<void> {
  for (const [option, port] of Object.entries(portOptions(flags)))
    if (port !== 0 && !(await isFreePort(port)))
      throw new ThroughlineError(
        'config-invalid',
        `another program has port ${port}; ${option} 0 takes a free one`,
      );
}

/** @throws ThroughlineError `config-invalid` if the folder of the operations is not there. What else it may lack, the worker says. */
async function checkFolder({ operations }: DevFlags): Promise<void> {
  if (operations === undefined) return;
  await access(operations).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') return;
    const folder = path.resolve(operations);
    const message = `there is no folder ${folder}; make it, or name another with --operations`;
    throw new ThroughlineError('config-invalid', message, { cause });
  });
}

/** @returns undefined if it was interrupted meanwhile; everything is stopped then */
async function startUnless(
  interrupted: Promise<undefined>,
  options: StackOptions,
): Promise<Stack | undefined> {
  const starting = startStack(options);
  const first = await Promise.race([starting, interrupted]);
  // Ctrl-C in a terminal also ends the programs that build parts. What does not start any more is no failure.
  if (first === undefined)
    await starting.then(
      (stack) => stack.stop(),
      () => undefined,
    );
  return first;
}

function outputOf({ json }: DevFlags): DevOutput {
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  return { write: json ? say : write, isTerminal: process.stdout.isTTY };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What a caller of a stack must know. */
type ReadyStack = Pick<Stack, 'url' | 'apiKey' | 'callbackSecret'> & {
  readonly nats: Pick<Stack['nats'], 'url' | 'webSocketUrl'>;
  readonly collector: Pick<Stack['collector'], 'otlpUrl' | 'tracesUrl'>;
};

function readyLine(stack: ReadyStack): Record<string, string> {
  return {
    url: stack.url,
    apiKey: stack.apiKey,
    callbackSecret: stack.callbackSecret,
    natsUrl: stack.nats.url,
    natsWebSocketUrl: stack.nats.webSocketUrl,
    otlpUrl: stack.collector.otlpUrl,
    tracesUrl: stack.collector.tracesUrl,
  };
}

/** What is printed when the stack is ready: one line of JSON, or what a person types next. */
export function readyText(stack: ReadyStack, { json }: Pick<DevFlags, 'json'>): string {
  if (json) return `${JSON.stringify(readyLine(stack))}\n`;
  return `
Throughline is ready. Ctrl-C stops it.

  export THROUGHLINE_URL=${shellWord(stack.url)}
  export THROUGHLINE_API_KEY=${shellWord(stack.apiKey)}
  export THROUGHLINE_TRACES_URL=${shellWord(stack.collector.tracesUrl)}
  export OTEL_EXPORTER_OTLP_ENDPOINT=${shellWord(stack.collector.otlpUrl)}
  export NATS_URL=${shellWord(stack.nats.url)}

  npx throughline submit echo '{"hello":"world"}' --wait
  npx throughline trace <jobId>

${stack.callbackSecret === '' ? 'The workers have no secret that signs callbacks' : `Callbacks are signed with ${stack.callbackSecret}`}

`;
}

/** Resolves when the worker or nats-server ends by itself, with a sentence about it. */
async function partEnded(stack: Stack, worker: ReloadedWorker): Promise<string> {
  return await Promise.race([
    worker.ended.then((code) => `the worker ended (${exitText(code)})`),
    stack.nats.exited.then(async (code) => {
      // The file goes with the other temporary files.
      const log = await readFile(stack.nats.logFile, 'utf8').catch(String);
      return `nats-server ended (${exitText(code)}). The end of its log:\n${endOfLog(log)}`;
    }),
  ]);
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
