import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { runCommand } from '../../../dev/machine/command.ts';
import { copyTree } from './copy-tree.ts';

const LONGEST_MS = 300_000;

/** One instruction of a Dockerfile: its first word, and the rest of its line. */
interface Instruction {
  readonly word: string;
  readonly rest: string;
}

/** The last stage of a Dockerfile, after its steps were done in a folder. */
export interface Built {
  /** What stands for the working directory of the image. */
  readonly folder: string;
  /** The variables of the image. */
  readonly environment: Readonly<Record<string, string>>;
  /** The user, the command that is run, and the command of the health check. */
  readonly user: string;
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
}

/** Reads a Dockerfile. @returns its instructions in order, without comments, and with continued lines joined */
export async function readDockerfile(file: string): Promise<Instruction[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => !line.startsWith('#'));
  const joined = lines
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n');
  return joined
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, word = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
      return { word, rest };
    });
}

/**
 * Does the steps of a Dockerfile without an engine: each stage gets an empty folder in `scratch`, into which COPY copies from
 * `context` or from an earlier stage, and in which RUN runs.
 * @param environment what RUN needs of this machine: PATH with Node, and what npm needs to reach its registry
 */
export async function buildWithoutEngine(
  instructions: readonly Instruction[],
  place: { readonly context: string; readonly scratch: string; readonly environment: NodeJS.ProcessEnv },
): Promise<Built> {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const instruction of instructions) {
    if (instruction.word === 'ARG' && stage === undefined) continue;
    if (instruction.word === 'FROM') {
      const name = / AS (\S+)$/.exec(instruction.rest)?.[1] ?? `stage ${stages.size}`;
      stage = new Stage(path.join(place.scratch, name), place, stages);
      stages.set(name, stage);
      await mkdir(stage.folder, { recursive: true });
    } else if (stage === undefined) throw new Error(`${instruction.word} stands before FROM`);
    else await stage.do(instruction);
  }
  if (stage === undefined) throw new Error('the Dockerfile has no FROM');
  return stage;
}

class Stage implements Built {
  readonly folder: string;
  readonly environment: Record<string, string> = {};
  user = 'root';
  healthCheck: readonly string[] = [];
  readonly #context: string;
  readonly #machine: NodeJS.ProcessEnv;
  readonly #others: ReadonlyMap<string, Stage>;
  #workFolder = '/';
  #entry: readonly string[] = [];
  #arguments: readonly string[] = [];

  constructor(
    folder: string,
    { context, environment }: { readonly context: string; readonly environment: NodeJS.ProcessEnv },
    others: ReadonlyMap<string, Stage>,
  ) {
    this.folder = folder;
    this.#context = context;
    this.#machine = environment;
    this.#others = others;
  }

  get command(): readonly string[] {
    return [...this.#entry, ...this.#arguments];
  }

  async do({ word, rest }: Instruction): Promise<void> {
    if (word === 'WORKDIR') this.#workFolder = rest;
    else if (word === 'USER') this.user = rest;
    else if (word === 'ENV') Object.assign(this.environment, parseEnv(rest.replaceAll(' ', '\n')));
    else if (word === 'ENTRYPOINT') this.#entry = JSON.parse(rest);
    else if (word === 'CMD') this.#arguments = JSON.parse(rest);
    else if (word === 'HEALTHCHECK') this.healthCheck = JSON.parse(/ CMD (\[.*\])$/.exec(rest)?.[1] ?? '[]');
    else if (word === 'COPY') await this.#copy(rest);
    else if (word === 'RUN') await this.#run(rest);
    else if (word !== 'EXPOSE') throw new Error(`this test does not know ${word}`);
  }

  /** In the working directory only, which all COPY of this project use. */
  async #copy(rest: string): Promise<void> {
    const [, from, list = ''] = /^(?:--from=(\S+) )?(.*)$/.exec(rest) ?? [];
    const names = list.split(' ');
    const target = names.pop() ?? '';
    for (const name of names) {
      const source = from === undefined ? path.join(this.#context, name) : this.#inStage(from, name);
      const isFolder = target.endsWith('/');
      const to = path.join(this.folder, isFolder ? path.join(target, path.basename(name)) : target);
      await mkdir(path.dirname(to), { recursive: true });
      await copyTree(source, to);
    }
  }

  #inStage(from: string, name: string): string {
    const stage = this.#others.get(from);
    if (stage === undefined) throw new Error(`no stage ${from}`);
    return path.join(stage.folder, path.relative(stage.#workFolder, name));
  }

  async #run(commands: string): Promise<void> {
    const environment = { ...this.#machine, ...this.environment };
    await runCommand('sh', ['-c', commands], { cwd: this.folder, environment, timeoutMs: LONGEST_MS });
  }
}
