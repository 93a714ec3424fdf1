/** A reader of a page: does what the page says, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { inject, onTestFinished } from 'vitest';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import manifest from '../../package.json' with { type: 'json' };
import { type Block, blocksOf, fileOf, ROOT } from '../support/docs/pages.ts';
import { testNatsBinary } from '../support/nats/nats.ts';
import { withTestStack } from '../support/stack.ts';

/** The port in the pages to which callbacks go. */
const CALLBACK_PORT = '9000';

export interface Reader {
  /** Where the reader's files are, and where commands run. */
  readonly folder: string;
  readonly callbackPort: number;
}

/** What a running system tells its callers. */
export interface System {
  readonly url: string;
  readonly apiKey: string;
  readonly tracesUrl: string;
  readonly otlpUrl: string;
  readonly natsUrl: string;
}

/** Makes the files of a page. The folder is inside the project, so that `throughline/worker` resolves as it does for a reader. */
export async function readerOf(page: string): Promise<Reader> {
  await mkdir(path.join(ROOT, '.throughline'), { recursive: true });
  const folder = await mkdtemp(path.join(ROOT, '.throughline/docs-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const block of blocksOf(page)) {
    const file = fileOf(block);
    if (file === undefined) continue;
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), block.text);
  }
  return { folder, callbackPort: await findFreePort() };
}

/** Starts a system as the page says: with its command for `npm run dev`, or else with the tests' own. */
export async function systemFor(page: string, reader: Reader): Promise<System> {
  const started = blocksOf(page).find(({ words }) => words.includes('dev'));
  return started === undefined ? await testSystem(reader) : await devSystem(started, reader);
}

async function testSystem({ folder, callbackPort }: Reader): Promise<System> {
  const operationsFolder = path.join(folder, 'operations');
  const stack = await withTestStack({
    ...(existsSync(operationsFolder) ? { operationsFolder } : {}),
    worker: { CALLBACK_ALLOW: `http://127.0.0.1:${callbackPort}` },
  });
  const { tracesUrl, otlpUrl } = stack.collector;
  return { url: stack.url, apiKey: stack.apiKey, tracesUrl, otlpUrl, natsUrl: stack.nats.url };
}

/** Runs the page's command on free ports. `npm run` would run it in the project's folder, where the reader has no files. */
async function devSystem({ text }: Block, { folder, callbackPort }: Reader): Promise<System> {
  const [, , script = '', dashes, ...args] = text.trim().split(/\s+/);
  const scripts: Readonly<Record<string, string>> = manifest.scripts;
  const [, file] = /^exec node (\S+)$/.exec(scripts[script] ?? '') ?? [];
  if (file === undefined || dashes !== '--') throw new Error(`cannot run "${text}" here`);
  const callbacks = `http://127.0.0.1:${callbackPort}`;
  const child = spawn(
    process.execPath,
    [path.join(ROOT, file), ...args, '--port', '0', '--json', '--callback-allow', callbacks],
    { cwd: folder, env: environmentOf({}), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  onTestFinished(() => stop(child));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    said += part;
  });
  const gone = once(child, 'exit').then(() => {
    throw new Error(`"${text}" ended: ${said}`);
  });
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), gone])) as [string];
  gone.catch(() => undefined);
  return JSON.parse(line) as System;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGINT');
  await gone;
}

/**
 * Runs all blocks in one shell, one after the other, and stops at the first command that fails.
 * @returns what they print
 * @throws Error with all that they print
 */
export async function runBlocks(
  blocks: readonly Block[],
  { folder, callbackPort }: Reader,
  { url, apiKey, tracesUrl, otlpUrl, natsUrl }: System,
): Promise<string> {
  const commands = blocks
    .map(({ page, line, text }) => `: "${page}:${line}"\n${text}`)
    .join('\n')
    .replaceAll(CALLBACK_PORT, String(callbackPort))
    .replaceAll('<jobId>', '"$JOB"');
  const environment = environmentOf({
    THROUGHLINE_URL: url,
    THROUGHLINE_API_KEY: apiKey,
    THROUGHLINE_TRACES_URL: tracesUrl,
    OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl,
    NATS_URL: natsUrl,
    HOME: folder,
  });
  const programs = [
    `throughline() { node "${path.join(ROOT, 'cli/main.ts')}" "$@"; }`,
    'npx() { [ "$1" = throughline ] && "$@"; }',
    // An answer that refuses a request is a failure here.
    'curl() { command curl --fail-with-body "$@"; }',
  ].join('\n');
  // `source <(…)` is a word of bash.
  const shell = commands.includes('<(') ? 'bash' : 'sh';
  const script = [programs, commands].join('\n');
  const child = spawn(shell, ['-e', '-x', '-c', script], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => stop(child));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    stdout += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    stderr += part;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`exit code ${code}\n${stderr}\n${stdout}`);
  return stdout;
}

/** This process's environment, with the Node that runs the tests and their nats-server first on PATH. */
function environmentOf(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { PATH = '', ...rest } = hostEnvironment();
  const folders = [path.dirname(process.execPath), path.dirname(testNatsBinary().path), PATH];
  return { ...rest, PATH: folders.join(path.delimiter), XDG_CACHE_HOME: inject('cacheFolder'), ...settings };
}
