import { Command, InvalidArgumentError } from 'commander';
import { prettyLine } from './pretty-line.ts';
import type { StackOptions } from './stack-options.ts';

/** What a user typed after `throughline dev`. */
export interface DevFlags {
  readonly port: number;
  readonly natsPort: number;
  readonly natsWebsocketPort: number;
  readonly otlpPort: number;
  readonly operations?: string;
  /** false: a change of the operations starts no new worker. */
  readonly reload: boolean;
  readonly persist?: string | true;
  readonly cors?: string;
  readonly edge?: Settings;
  readonly worker?: Settings;
  readonly callbackAllow: string;
  readonly json?: boolean;
  readonly jsonLogs?: boolean;
  readonly debug?: boolean;
}

type Settings = Readonly<Record<string, string>>;

const PERSIST_FOLDER = '.throughline';

/** The options of `dev`. */
export function devCommand(): Command {
  return new Command('throughline dev')
    .description('Runs nats-server, the edge in workerd, a worker and a trace collector on this machine.')
    .option('--port <port>', 'port of the HTTP API; 0: a free port', port, 8787)
    .option('--nats-port <port>', 'port of nats-server', port, 0)
    .option('--nats-websocket-port <port>', "port of nats-server's WebSocket", port, 0)
    .option('--otlp-port <port>', 'port of the trace collector', port, 0)
    .option('--operations <folder>', 'folder with more operations than the built-in ones', folder)
    .option('--no-reload', 'keep the worker when a file in the folder of --operations changes')
    .option(
      '--persist [folder]',
      `keep jobs, schedules and the API key in a folder (${PERSIST_FOLDER} if none is named) for the next start`,
      folder,
    )
    .option('--cors <origins>', 'origins whose pages may call the API, separated by commas, or *')
    .option('--edge <KEY=VALUE>', 'a setting of the edge; may be repeated', setting)
    .option('--worker <KEY=VALUE>', 'a setting of the worker; may be repeated', setting)
    .option(
      '--callback-allow <origins>',
      'origins for callbacks besides public https, separated by commas',
      'http://127.0.0.1:9000',
    )
    .option('--json', 'print one JSON line on stdout when ready; everything else goes to stderr')
    .option('--json-logs', 'print log lines as JSON on a terminal too')
    .option('--debug', 'print spans on stderr')
    .exitOverride()
    .addHelpText('after', EXAMPLES);
}

const EXAMPLES = `
The edge and the worker read no settings from the environment: --edge and --worker give them.

Examples:
  throughline dev                                       everything, with the API on port 8787
  throughline dev --port 0 --json                       on free ports, for a script
  throughline dev --operations operations               with your own operations, loaded again when a file changes
  throughline dev --persist --cors http://localhost:5173
                                                        jobs outlive a restart; pages of that origin may call the API
  throughline dev --edge TENANT_MAX_JOBS=10 --worker WORKER_CONCURRENCY=1
                                                        with settings of docs/SETTINGS.md
`;

/** The options that name a port, with the port that each has. */
export function portOptions({ port, natsPort, natsWebsocketPort, otlpPort }: DevFlags) {
  return {
    '--port': port,
    '--nats-port': natsPort,
    '--nats-websocket-port': natsWebsocketPort,
    '--otlp-port': otlpPort,
  };
}

/** Where the log lines go, and how they look. */
export interface DevOutput {
  readonly write: (line: string) => void;
  /** Whether a person reads it in a terminal. */
  readonly isTerminal: boolean;
}

/** The stack that a user asks for. @param say takes one sentence for each step */
export function stackOptionsOf(
  flags: DevFlags,
  output: DevOutput,
  say: (sentence: string) => void,
): StackOptions {
  const isPretty = output.isTerminal && !flags.jsonLogs && !flags.json;
  return {
    ports: {
      http: flags.port,
      nats: flags.natsPort,
      natsWebSocket: flags.natsWebsocketPort,
      otlp: flags.otlpPort,
    },
    operationsFolder: flags.operations,
    persistIn: flags.persist === true ? PERSIST_FOLDER : flags.persist,
    edge: { ...(flags.cors === undefined ? {} : { CORS_ORIGINS: flags.cors }), ...flags.edge },
    worker: {
      CALLBACK_ALLOW: flags.callbackAllow,
      // On a developer's machine, `localhost` is what a name is expected to lead to.
      TARGET_ADDRESSES_ALLOW: '127.0.0.0/8, ::1',
      ...flags.worker,
    },
    debug: flags.debug ?? false,
    onLog: isPretty ? (line) => output.write(prettyLine(line)) : output.write,
    onStep: say,
  };
}

function port(text: string): number {
  const value = Number(text);
  if (/^[0-9]{1,5}$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('It must be a port from 0 to 65535.');
}

function folder(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It is empty; is the variable set?');
}

function setting(text: string, before: Settings = {}): Settings {
  const [, key = '', value = ''] = /^([A-Z][A-Z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (key === '')
    throw new InvalidArgumentError('It must be a name in capitals, = and a value: LOG_LEVEL=debug.');
  return { ...before, [key]: value };
}
