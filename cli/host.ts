import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { defined } from '../shared/defined.ts';
import { shellWord } from '../shared/text/terminal/shell-command.ts';
import type { ApiClient } from './api-client.ts';
import {
  type CliConfig,
  type ConfigFlags,
  cliConfig,
  cliWarnings,
  type Environment,
  terminalConfig,
} from './config.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { Interrupt } from './interrupt.ts';
import { chosenProfile } from './profiles.ts';
import { Output } from './text/output.ts';
import type { TextStream } from './text/terminal.ts';
import type { BaggagePair } from './trace/baggage.ts';
import type { CallerTrace } from './trace/caller-trace.ts';

/** After Ctrl-C, the collector gets only this long to take the spans. */
const INTERRUPTED_FLUSH_MS = 300;

/** The process that the command line runs in. */
export interface HostProcess {
  readonly environment: Environment;
  readonly stdin: Readable;
  readonly stdout: TextStream;
  readonly stderr: TextStream;
}

/** The options of every command, written before or after its name. */
interface GlobalFlags extends ConfigFlags {
  readonly profile?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** What a command that calls the API works with. */
export interface Scope {
  readonly config: CliConfig;
  readonly api: ApiClient;
  readonly output: Output;
  readonly stdin: Readable;
  /** Aborts at Ctrl-C and at SIGTERM, with the error that ends the command. */
  readonly signal: AbortSignal;
  /** Runs what gives the terminal to another program. Meanwhile Ctrl-C is for that program. */
  readonly handOver: <T>(work: () => Promise<T>) => Promise<T>;
  /**
   * Starts the trace of the command's requests. Its spans are sent after the command has printed everything.
   * @throws CliError `usage-invalid` when the baggage does not fit into its header
   */
  readonly startTrace: (baggage?: readonly BaggagePair[]) => Promise<CallerTrace>;
}

/** Runs commands: gives them what they need, prints their errors and keeps their exit code. */
export class Host {
  readonly #process: HostProcess;
  exitCode: number = EXIT.ok.code;

  constructor(hostProcess: HostProcess) {
    this.#process = hostProcess;
  }

  get environment(): Environment {
    return this.#process.environment;
  }

  get stdin(): Readable {
    return this.#process.stdin;
  }

  /** Runs a command that calls the API, until it ends or Ctrl-C is pressed. Never throws. */
  async run(command: Command, work: (scope: Scope) => Promise<number>): Promise<void> {
    const { debug = false, ...flags } = flagsOf(command);
    const interrupt = new Interrupt((error) => this.output(flags).error(error, debug));
    const { signal } = interrupt;
    const traces: CallerTrace[] = [];
    try {
      await this.runLocal(command, async (output, flags) => {
        const { environment, stdin } = this.#process;
        const warn = (sentence: string): void => output.warn(sentence);
        cliWarnings(environment).forEach(warn);
        const config = cliConfig(environment, flags, await chosenProfile(environment, flags, warn));
        const { ApiClient } = await import('./api-client.ts');
        const api = new ApiClient({ ...config, signal });
        const startTrace: Scope['startTrace'] = async (baggage = []) => {
          const { CallerTrace } = await import('./trace/caller-trace.ts');
          const trace = await CallerTrace.start({ environment, debug: flags.debug ?? false, baggage, warn });
          traces.push(trace);
          return trace;
        };
        const handOver: Scope['handOver'] = (given) => interrupt.handOver(given);
        return await work({ config, api, output, stdin, signal, handOver, startTrace });
      });
      for (const trace of traces) await trace.flush(signal.aborted ? INTERRUPTED_FLUSH_MS : undefined);
    } finally {
      interrupt.dispose();
    }
  }

  /** Runs a command that does not call the API and handles Ctrl-C itself. Never throws. */
  async runLocal(
    command: Command,
    work: (output: Output, flags: GlobalFlags) => Promise<number>,
  ): Promise<void> {
    const flags = flagsOf(command);
    const output = this.output(flags);
    try {
      this.exitCode = await work(output, flags);
    } catch (thrown) {
      this.exitCode = exitCodeOf(thrown);
      output.error(thrown, flags.debug ?? false);
    }
  }

  /** Writes text unchanged. Commander prints its help through this. */
  write(text: string, stream: 'stdout' | 'stderr'): void {
    this.#process[stream].write(text);
  }

  output({ json = false, profile, url }: Pick<GlobalFlags, 'json' | 'profile' | 'url'>): Output {
    const { stdout, stderr, environment } = this.#process;
    const options = Object.entries(defined({ profile, url })).map(
      ([name, value]) => `--${name} ${shellWord(value)}`,
    );
    const program = ['throughline', ...options].join(' ');
    return new Output({ stdout, stderr, json, terminal: terminalConfig(environment), program });
  }
}

/** The flags of a command and of its parents. The nearer one wins: `throughline --url A get --url B` calls B. */
function flagsOf(command: Command): GlobalFlags {
  const outer = command.parent === null ? {} : flagsOf(command.parent);
  return { ...outer, ...command.opts<GlobalFlags>() };
}
