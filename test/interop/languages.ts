/** The reference workers and producers of `examples/`, and how each is built. */
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from '../../dev/machine/command.ts';
import { cacheDirectory, hostEnvironment } from '../../dev/machine/environment.ts';
import { rustTarget, whyNoRust } from '../generators/rust.ts';
import { installOnce, missingPrograms, toolEnvironment } from '../generators/toolbox.ts';
import { scratchFolder } from '../support/cleanup.ts';
import { SUITE } from '../support/suite-settings.ts';

export interface Programs {
  readonly worker: readonly string[];
  readonly producer: readonly string[];
}

export interface Language {
  readonly name: string;
  /** The programs that must be on PATH. */
  readonly needs: readonly string[];
  /** Whether CI must have them. */
  readonly isInCi: boolean;
  /** Whether its worker records spans, so that its part of a trace can be checked. */
  readonly recordsSpans: boolean;
  /** Says why the language is left out, if it is. */
  readonly whyNot?: () => string | undefined;
  /** @param folder an empty folder for what is built, if the language has no better place */
  readonly build: (folder: string) => Promise<Programs>;
}

const BUILD_MS = 1_500_000;
const RUST_TARGET = rustTarget('interop');
const JARS = path.join(cacheDirectory(hostEnvironment()), 'java');

export const LANGUAGES: readonly Language[] = [
  { name: 'python', needs: ['python3'], isInCi: true, recordsSpans: true, build: buildPython },
  { name: 'go', needs: ['go', 'cc'], isInCi: true, recordsSpans: true, build: buildGo },
  {
    name: 'rust',
    needs: ['cargo', 'cc'],
    isInCi: false,
    recordsSpans: true,
    whyNot: () => whyNoRust(RUST_TARGET),
    build: buildRust,
  },
  {
    name: 'java',
    needs: ['java', 'javac'],
    isInCi: false,
    recordsSpans: false,
    whyNot: whyNoJava,
    build: buildJava,
  },
];

/** @throws Error if CI lacks a language that it must have */
export async function isHere(language: Language): Promise<boolean> {
  if (language.whyNot?.() !== undefined) return false;
  const missing = await missingPrograms(language);
  if (SUITE.CI !== undefined && language.isInCi && missing.length > 0) throw new Error(note(language));
  return missing.length === 0;
}

export function note({ name, needs, whyNot }: Language): string {
  return `the example in ${name} is NOT TESTED: ${whyNot?.() ?? `it needs ${needs.join(' and ')} on PATH`}`;
}

/** Builds the programs of one language, or skips the test. */
export async function programsOf(wanted: string, skip: (note: string) => never): Promise<Programs> {
  const language = LANGUAGES.find(({ name }) => name === wanted);
  if (language === undefined) throw new Error(`there is no example in ${wanted}`);
  if (!(await isHere(language))) return skip(note(language));
  return await language.build(await scratchFolder());
}

async function buildPython(folder: string): Promise<Programs> {
  const pinned = path.join(folder, 'examples-python');
  await mkdir(pinned);
  await cp(path.join(source('python'), 'requirements.txt'), path.join(pinned, 'requirements.txt'));
  const commands =
    'python3 -m venv venv\nvenv/bin/python -m pip install --quiet --requirement requirements.txt';
  const installed = await installOnce(pinned, commands, toolEnvironment());
  // `-B`: no compiled files in the clone.
  const python = [path.join(installed, 'venv/bin/python'), '-B'];
  const program = (name: string): string[] => [...python, path.join(source('python'), name)];
  return { worker: program('worker.py'), producer: program('producer.py') };
}

/** Go keeps what it has compiled in a cache of its own. */
async function buildGo(folder: string): Promise<Programs> {
  await compile('go', ['build', '-o', `${folder}/`, './...'], source('go'));
  return { worker: [path.join(folder, 'worker')], producer: [path.join(folder, 'producer')] };
}

async function buildRust(): Promise<Programs> {
  const target = RUST_TARGET;
  await compile('cargo', ['build', '--quiet', '-j1'], source('rust'), { CARGO_TARGET_DIR: target });
  return { worker: [path.join(target, 'debug/worker')], producer: [path.join(target, 'debug/producer')] };
}

/** Compiles with the libraries that were fetched before: the test fetches none. */
async function buildJava(folder: string): Promise<Programs> {
  await compile('sh', ['build.sh', folder], source('java'), { JARS });
  const run = path.join(folder, 'run');
  return { worker: [run, 'Worker'], producer: [run, 'Producer'] };
}

function whyNoJava(): string | undefined {
  const lines = readFileSync(path.join(source('java'), 'jars.sha256'), 'utf8')
    .trim()
    .split('\n');
  const missing = lines.map((line) => path.basename(line)).filter((jar) => !existsSync(path.join(JARS, jar)));
  if (missing.length === 0) return undefined;
  return `${missing.join(', ')} is not in ${JARS}; examples/java/build.sh fetches it`;
}

async function compile(
  command: string,
  args: readonly string[],
  cwd: string,
  more: NodeJS.ProcessEnv = {},
): Promise<void> {
  const environment = { ...toolEnvironment(), ...more };
  await runCommand(command, args, { cwd, environment, timeoutMs: BUILD_MS });
}

function source(name: string): string {
  return path.join(import.meta.dirname, '../../examples', name);
}
