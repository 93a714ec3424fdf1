import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { atEndOfFile } from '../cleanup.ts';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PAGE = path.join(ROOT, 'deploy/README.md');
const SYSTEMCTL = fileURLToPath(new URL('systemctl.ts', import.meta.url));
const LONGEST_MS = 300_000;
/** In bytes. A step that waits prints the same answer many times. */
const MAX_OUTPUT = 10_000_000;
/** So many lines of each log and of the output stand in the error of a step that failed. */
const LOG_LINES = 20;
/** The absolute paths of the page that belong to the machine of the step. */
const OWN_PATHS =
  /(?<![\w.$}/])\/(?=(?:etc\/(?:throughline|systemd)|opt\/throughline|usr\/local|var\/(?:lib|backups))\b)/g;
/** As it was before a test trusts its own certificates: npm needs the authorities of this machine. */
const MACHINE = { ...hostEnvironment() };
for (const name of ['NODE_ENV', 'NODE_OPTIONS', 'npm_config_local_prefix']) delete MACHINE[name];

/** What the page says, and what it is on a host. */
export type Replacement = readonly [said: string | RegExp, is: string];

/** The steps of deploy/README.md by name: blocks of shell, with the name behind `sh`. */
export async function readSteps(): Promise<ReadonlyMap<string, string>> {
  const page = await readFile(PAGE, 'utf8');
  const blocks = page.matchAll(/^( *)```sh (\S+)\n(.*?)^\1```$/gms);
  const unindented = (text: string, indent: string): string =>
    text.replace(new RegExp(`^${indent}`, 'gm'), '');
  return new Map(
    [...blocks].map(([, indent = '', name = '', text = '']) => [name, unindented(text, indent)]),
  );
}

/** The last lines. Of lines that follow each other and differ in numbers only, such as times, there is the last one. */
function lastLines(text: string): string {
  const lines = text.trimEnd().split('\n');
  const said = (line: string | undefined): string | undefined => line?.replaceAll(/\d+/g, '');
  const kept = lines.filter((line, index) => said(line) !== said(lines[index + 1]));
  return kept.slice(-LOG_LINES).join('\n');
}

/** The ends of the logs of a host's units, for the error of a step. */
async function endsOfLogs(host: RunbookHost): Promise<string[]> {
  const folder = host.at('/run');
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.log'));
  const ends = names.map(async (name) => {
    const text = await readFile(path.join(folder, name), 'utf8');
    return `The end of ${name} on ${path.basename(host.root)}:\n${lastLines(text)}`;
  });
  return await Promise.all(ends);
}

interface HostParts {
  readonly name: string;
  /** The folder in which the folder of the host is made. */
  readonly scratch: string;
  /** In this order, after the paths of the host. */
  readonly replacements: readonly Replacement[];
  /** Programs that are installed on the host, by name. */
  readonly programs: Readonly<Record<string, string>>;
  /** Collects the names of the steps that were run. */
  readonly taken: Set<string>;
  /** The hosts whose logs stand in the error of a step, beside those of the host itself. */
  readonly neighbours: () => Promise<readonly RunbookHost[]>;
}

/** A folder that stands for a machine: what the page puts under `/etc`, `/opt`, `/usr/local` and `/var` is in it. */
export class RunbookHost {
  readonly root: string;
  readonly #parts: HostParts;

  private constructor(parts: HostParts) {
    this.#parts = parts;
    this.root = path.join(parts.scratch, parts.name);
  }

  /** Makes a host. What its `systemctl` started ends with the test file. */
  static async make(parts: HostParts): Promise<RunbookHost> {
    const host = new RunbookHost(parts);
    await mkdir(host.at('/usr/local/bin'), { recursive: true });
    await mkdir(host.at('/var/lib'), { recursive: true });
    for (const [name, program] of Object.entries(parts.programs))
      await cp(program, host.at(`/usr/local/bin/${name}`));
    await host.#script('systemctl', `exec "${process.execPath}" "${SYSTEMCTL}" "$@"`);
    // The copy of the project in which the operator works.
    await host.#script('npx', `shift; exec "${process.execPath}" "${ROOT}cli/main.ts" "$@"`);
    // They would change this machine.
    for (const name of ['useradd', 'chown']) await host.#script(name, 'exit 0');
    atEndOfFile(() => host.shell('systemctl stop throughline-worker; systemctl stop nats-server'));
    return host;
  }

  /** Where a path of the machine is. */
  at(file: string): string {
    return path.join(this.root, file);
  }

  read(file: string): Promise<string> {
    return readFile(this.at(file), 'utf8');
  }

  /** The log of a unit. */
  log(unit: string): Promise<string> {
    return this.read(`/run/${unit}.log`);
  }

  /** Sets variables of an env file, as an operator does with an editor. */
  async fill(file: string, values: Readonly<Record<string, string>>): Promise<void> {
    let text = await this.read(file);
    for (const [name, value] of Object.entries(values)) {
      const line = new RegExp(`^#?${name}=.*$`, 'm');
      if (!line.test(text)) throw new Error(`${file} has no line for ${name}`);
      text = text.replace(line, () => `${name}=${value}`);
    }
    await writeFile(this.at(file), text);
  }

  /**
   * Runs a step of the page.
   * @param cwd where the operator is; default: in a copy of the project
   * @returns what it printed
   */
  async step(name: string, cwd = ROOT): Promise<string> {
    const text = (await readSteps()).get(name);
    if (text === undefined) throw new Error(`deploy/README.md has no step ${name}`);
    this.#parts.taken.add(name);
    return await this.shell(text, cwd);
  }

  /** Runs commands as the page writes them, until one fails. @throws Error with all that they printed */
  async shell(commands: string, cwd = ROOT): Promise<string> {
    const own = [this.at('/usr/local/bin'), path.dirname(process.execPath), MACHINE.PATH];
    const env = { ...MACHINE, PATH: own.join(path.delimiter), HOST_ROOT: this.root };
    const script = this.onHost(commands);
    const options = { cwd, env, timeout: LONGEST_MS, maxBuffer: MAX_OUTPUT };
    return await new Promise((resolve, reject) => {
      execFile('bash', ['-e', '-u', '-o', 'pipefail', '-c', script], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else this.#failure([`${script} failed`, lastLines(stdout), lastLines(stderr)]).then(reject, reject);
      });
    });
  }

  /** An error with the last lines that the units of the host and of its neighbours have logged. */
  async #failure(texts: readonly string[]): Promise<Error> {
    const hosts = new Set([this, ...(await this.#parts.neighbours())]);
    const logs = await Promise.all([...hosts].map(endsOfLogs));
    return new Error([this.#parts.name, ...texts, ...logs.flat()].join('\n'));
  }

  /** A text of the page with the paths, addresses and other values of this host. */
  onHost(text: string): string {
    const { replacements } = this.#parts;
    return replacements.reduce(
      (all, [said, is]) => all.replaceAll(typeof said === 'string' ? said : new RegExp(said, 'g'), () => is),
      text.replace(OWN_PATHS, () => `${this.root}/`),
    );
  }

  async #script(name: string, body: string): Promise<void> {
    const file = this.at(`/usr/local/bin/${name}`);
    await writeFile(file, `#!/bin/sh\n${body}\n`);
    await chmod(file, 0o755);
  }
}
