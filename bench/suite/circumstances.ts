import { cpus, totalmem } from 'node:os';
import { runCommand } from '../../dev/machine/command.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { locateNatsServer } from '../../dev/nats-binary/locate.ts';

const GIB = 1024 ** 3;
const GIT_MS = 10_000;
const UNKNOWN = 'unknown';

/** On what, and of which code, a table was measured. */
export interface Circumstances {
  readonly machine: string;
  readonly node: string;
  readonly natsServer: string;
  readonly commit: string;
  /** Whether files of the commit were changed. */
  readonly changed: boolean;
}

/** Looks at this machine and this checkout. What cannot be found out is `unknown`. */
export async function readCircumstances(): Promise<Circumstances> {
  const [commit, changes, natsServer] = await Promise.all([
    git('rev-parse', 'HEAD'),
    git('status', '--porcelain', '--untracked-files=no'),
    locateNatsServer({ environment: hostEnvironment() }).then(
      ({ version }) => version,
      () => UNKNOWN,
    ),
  ]);
  const all = cpus();
  return {
    machine: `${all.length} cores (${all[0]?.model.trim()}), ${Math.round(totalmem() / GIB)} GiB`,
    node: process.versions.node,
    natsServer,
    commit: commit || UNKNOWN,
    changed: changes !== '',
  };
}

/** One line that says all of it. @param sender the program that sent the requests, if the table has one */
export function circumstancesText(
  { machine, node, natsServer, commit, changed }: Circumstances,
  at: Date,
  sender?: string,
): string {
  const day = { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' } as const;
  const code = `commit ${commit.slice(0, 8)}${changed ? ' with changes' : ''}`;
  const programs = [`Node ${node}`, `nats-server ${natsServer}`, ...(sender === undefined ? [] : [sender])];
  return `${[machine, ...programs, code, at.toLocaleDateString('en-GB', day)].join(', ')}.`;
}

/** @returns an empty text if there is no git, or no checkout */
async function git(...args: readonly string[]): Promise<string> {
  const where = { timeoutMs: GIT_MS, cwd: import.meta.dirname, environment: hostEnvironment() };
  return (await runCommand('git', args, where).catch(() => '')).trim();
}
