import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inject, type ProvidedContext } from 'vitest';
import { runCommand } from '../../../dev/machine/command.ts';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { copyTree } from '../../support/deploy/copy-tree.ts';
import { NPM_SETTINGS } from './npm.ts';

const TIMEOUT_MS = 300_000;

/** A project of a user, in a folder outside the clone. */
export class UserProject {
  readonly folder: string;
  /** The environment of its commands. */
  readonly environment: NodeJS.ProcessEnv;

  private constructor(folder: string, environment = hostEnvironment()) {
    this.folder = folder;
    this.environment = { ...environment, ...NPM_SETTINGS };
  }

  static async create(): Promise<UserProject> {
    const project = new UserProject(await mkdtemp(path.join(tmpdir(), 'throughline-user-')));
    await project.write('package.json', JSON.stringify({ name: 'user', private: true, type: 'module' }));
    return project;
  }

  /** A project with packages that are installed already. @param installed what they are */
  static async with(installed: keyof ProvidedContext['installed']): Promise<UserProject> {
    const source = inject('installed')[installed];
    // Beside it, so that the paths to the packed packages in its manifest lead there too.
    const folder = await mkdtemp(`${source}-`);
    await copyTree(source, folder);
    return new UserProject(folder);
  }

  /** A project that something else has made. @param node the program that is `node` in its commands */
  static at(folder: string, node = process.execPath): UserProject {
    const { PATH = '', ...rest } = hostEnvironment();
    return new UserProject(folder, { ...rest, PATH: [path.dirname(node), PATH].join(path.delimiter) });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async write(file: string, text: string): Promise<void> {
    const target = path.join(this.folder, file);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, text);
  }

  async read(file: string): Promise<string> {
    return await readFile(path.join(this.folder, file), 'utf8');
  }

  /** Runs a program in the folder of the project. @returns its output. @throws Error with the end of its standard error */
  run(command: string, ...args: readonly string[]): Promise<string> {
    return this.runWith({}, command, ...args);
  }

  /** As {@link run}, with more environment variables. */
  async runWith(
    variables: Readonly<Record<string, string>>,
    command: string,
    ...args: readonly string[]
  ): Promise<string> {
    return await runCommand(command, args, {
      timeoutMs: TIMEOUT_MS,
      cwd: this.folder,
      environment: { ...this.environment, ...variables },
    });
  }

  /**
   * Installs packages as a user would: ours from their tarballs, others from the registry.
   * @param names a name of ours, or `<name>@<version>`
   */
  async install(names: readonly string[], ...flags: readonly string[]): Promise<void> {
    const tarballs = inject('tarballs');
    const specs = names.map((name) => tarballs[name] ?? name);
    await this.run('npm', 'install', ...flags, ...specs);
  }

  /** The names of all packages that an install brings, each once. */
  async installed(): Promise<string[]> {
    const lock = JSON.parse(await this.read('package-lock.json')) as { readonly packages: object };
    const names = Object.keys(lock.packages).map((where) => where.replace(/^.*node_modules\//, ''));
    return [...new Set(names)].filter((name) => name !== '').sort();
  }
}
