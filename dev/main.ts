import { once } from 'node:events';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { describeThrown } from '../shared/errors.ts';
import { type Stack, startStack } from './stack.ts';
import type { StackOptions } from './stack-options.ts';

export interface DevFlags {
  readonly port: number;
  readonly natsPort: number;
  readonly natsWebsocketPort: number;
  readonly otlpPort: number;
  readonly operations?: string;
  readonly callbackAllow: string;
  readonly json?: boolean;
  readonly debug?: boolean;
}

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
    return thrown.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  return await run(command.opts<DevFlags>());
}

/** The options of `dev`. */
export function devCommand(): Command {
  return new Command('throughline dev')
    .description('Runs nats-server, the edge in workerd, a worker and a trace collector on this machine.')
    .option('--port <port>', 'port of the HTTP API; 0: a free port', port, 8787)
    .option('--nats-port <port>', 'port of nats-server', port, 0)
    .option('--nats-websocket-port <port>', "port of nats-server's WebSocket", port, 0)
    .option('--otlp-port <port>', 'port of the trace collector', port, 0)
    .option('--operations <folder>', 'folder with more operations than the built-in ones')
    .option(
      '--callback-allow <origins>',
      'origins for callbacks besides public https, separated by commas',
      'http://127.0.0.1:9000',
    )
    .option('--json', 'print one JSON line on stdout when ready; everything else goes to stderr')
    .option('--debug', 'print spans on stderr')
    .exitOverride()
    .addHelpText('after', EXAMPLES);
}

const EXAMPLES = `
Examples:
  npm run dev                                       everything, with the API on port 8787
  npm run dev -- --port 0 --json                    on free ports, for a script
  npm run dev -- --operations examples/operations   with your own operations
`;

async function run(flags: DevFlags): Promise<number> {
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(() => undefined);
  let stack: Stack;
  try {
    stack = await startStack(stackOptionsOf(flags));
  } catch (thrown) {
    say(`dev: ${describeThrown(thrown)}`);
    return 1;
  }
  process.stdout.write(readyText(stack, flags));
  const failure = await Promise.race([interrupted, partEnded(stack)]);
  if (failure !== undefined) say(`dev: ${failure}`);
  await stack.stop();
  return failure === undefined ? 0 : 1;
}

/** The stack that a user asks for. */
export function stackOptionsOf(flags: DevFlags): StackOptions {
  return {
    ports: {
      http: flags.port,
      nats: flags.natsPort,
      natsWebSocket: flags.natsWebsocketPort,
      otlp: flags.otlpPort,
    },
    operationsFolder: flags.operations,
    // On a developer's machine, `localhost` is what a name is expected to lead to.
    worker: { CALLBACK_ALLOW: flags.callbackAllow, TARGET_ADDRESSES_ALLOW: '127.0.0.0/8, ::1' },
    debug: flags.debug ?? false,
    onLog: flags.json ? say : (line) => void process.stdout.write(`${line}\n`),
    onStep: say,
  };
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

  export THROUGHLINE_URL=${stack.url}
  export THROUGHLINE_API_KEY=${stack.apiKey}
  export THROUGHLINE_TRACES_URL=${stack.collector.tracesUrl}
  export OTEL_EXPORTER_OTLP_ENDPOINT=${stack.collector.otlpUrl}

  npx throughline submit echo '{"hello":"world"}' --wait
  npx throughline trace <jobId>

Callbacks are signed with ${stack.callbackSecret}

`;
}

/** Resolves when the worker or nats-server ends by itself, with a sentence about it. */
async function partEnded(stack: Stack): Promise<string> {
  return await Promise.race([
    stack.worker.exited.then((code) => `the worker ended (${exitText(code)})`),
    stack.nats.exited.then((code) => `nats-server ended (${exitText(code)}). Its log: ${stack.nats.logFile}`),
  ]);
}

function exitText(code: number | null): string {
  return code === null ? 'by a signal' : `exit code ${code}`;
}

function port(text: string): number {
  const value = Number(text);
  if (/^[0-9]{1,5}$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('It must be a port from 0 to 65535.');
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
