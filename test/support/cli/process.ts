import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { atEndOfFile } from '../cleanup.ts';

const MAIN = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));

/** Shorter than a test's limit, so that the test can still show what a command printed that did not end. */
const LIMIT_MS = 120_000;

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** How a command ended, and what it printed. */
export interface Ended {
  /** Its exit code; null if it had to be killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment and the standard input of a command. */
export interface Given {
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** Address and key of an API. A test stack has both. */
export interface Api {
  readonly url: string;
  readonly apiKey?: string;
}

/**
 * Lets a program keep its compiled code for the next one. The first files of the command line come before it asks Node for the
 * cache. Without one, Node loads its compiler of TypeScript for them.
 */
export function cacheSettings(): Record<string, string> {
  const folder = inject('cacheFolder');
  return { XDG_CACHE_HOME: folder, NODE_COMPILE_CACHE: join(folder, 'throughline', 'compiled') };
}

/** Starts the real command line, with nothing of this process's environment. */
export function start(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: hostEnvironment().PATH, ...cacheSettings(), ...environment },
    stdio: 'pipe',
  });
  atEndOfFile(() => kill(child));
  return child;
}

/** Writes `stdin` to a command and waits for its end. */
export async function ended(child: ChildProcess, stdin = ''): Promise<Ended> {
  const { stdin: input, stdout, stderr } = child;
  if (input === null || stdout === null || stderr === null) throw new Error('the child has no pipes');
  input.end(stdin);
  const [[code], out, err] = await Promise.all([once(child, 'close'), text(stdout), text(stderr)]);
  return { code, stdout: out, stderr: err };
}

/**
 * Runs a command that needs no API, such as `worker` or `setup`, to its end. If it does not end, it is killed: a
 * worker that should refuse its settings, but does not, would run on.
 */
export async function runLocal(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Ended> {
  const child = start(args, environment);
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  try {
    return await ended(child);
  } finally {
    clearTimeout(limit);
  }
}

/** Runs the command line to its end as a caller of an API. */
export async function run(api: Api, args: readonly string[], given: Given = {}): Promise<Ended> {
  const { url, apiKey } = api;
  const key = apiKey === undefined ? {} : { THROUGHLINE_API_KEY: apiKey };
  return await ended(start(args, { THROUGHLINE_URL: url, ...key, ...given.environment }), given.stdin);
}

/**
 * Runs a command that must succeed, and gives what it printed.
 * @throws if it fails, with what it printed on stderr
 */
export async function printed(api: Api, args: readonly string[], given: Given = {}): Promise<string> {
  const { code, stdout, stderr } = await run(api, args, given);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}
