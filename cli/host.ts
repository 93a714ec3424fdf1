import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { ApiClient } from './api-client.ts';
import { type CliConfig, type ConfigFlags, cliConfig, type Environment, terminalConfig } from './config.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { Interrupt } from './interrupt.ts';
import { Output } from './text/output.ts';
import type { TextStream } from './text/text-stream.ts';

/** The process around the command line. */
export interface HostProcess {
  readonly environment: Environment;
  readonly stdin: Readable;
  readonly stdout: TextStream;
  readonly stderr: TextStream;
}

/** Options that every command takes, before or behind its name. */
export interface GlobalFlags extends ConfigFlags {
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** What a command that speaks to the API works with. */
export interface Scope {
  readonly config: CliConfig;
  readonly api: ApiClient;
  readonly output: Output;
  readonly environment: Environment;
  readonly stdin: Readable;
  readonly debug: boolean;
  /** Aborts at Ctrl-C, with the error to end with. */
  readonly signal: AbortSignal;
  /** Has something done after the command's last word, before the process ends. */
  readonly defer: (task: () => Promise<void>) => void;
}

/** Runs commands for a process: gives them what they need, shows their errors, keeps their exit code. */
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

  /** Runs a command that speaks to the API, until its end or Ctrl-C. Never throws. */
  async run(command: Command, work: (scope: Scope) => Promise<number>): Promise<void> {
    const interrupt = new Interrupt();
    const deferred: (() => Promise<void>)[] = [];
    try {
      await this.runLocal(command, async (output, flags) => {
        const { environment, stdin } = this.#process;
        const { signal } = interrupt;
        const config = cliConfig(environment, flags);
        const api = new ApiClient({ ...config, signal });
        const defer = (task: () => Promise<void>): void => void deferred.push(task);
        const debug = flags.debug ?? false;
        return await work({ config, api, output, environment, stdin, debug, signal, defer });
      });
      for (const task of deferred) await task();
    } finally {
      interrupt.dispose();
    }
  }

  /** Runs a command that needs no API and sees to Ctrl-C itself. Never throws. */
  async runLocal(
    command: Command,
    work: (output: Output, flags: GlobalFlags) => Promise<number>,
  ): Promise<void> {
    const flags = flagsOf(command);
    const output = this.output(flags.json ?? false);
    try {
      this.exitCode = await work(output, flags);
    } catch (thrown) {
      this.exitCode = exitCodeOf(thrown);
      output.error(thrown, flags.debug ?? false);
    }
  }

  /** Writes a text as it is: for Commander's help. */
  write(text: string, stream: 'stdout' | 'stderr'): void {
    this.#process[stream].write(text);
  }

  output(json: boolean): Output {
    const { stdout, stderr, environment } = this.#process;
    return new Output({ stdout, stderr, json, terminal: terminalConfig(environment) });
  }
}

/** The nearer one wins: `throughline --url A get --url B` asks B. */
function flagsOf(command: Command): GlobalFlags {
  const outer = command.parent === null ? {} : flagsOf(command.parent);
  return { ...outer, ...command.opts<GlobalFlags>() };
}
