import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The variables that an env file sets, by name. */
export type Variables = Readonly<Record<string, string>>;

/** Reads an env file as a shell does: `set -a; . file`. */
export async function readByShell(shell: 'bash' | 'dash', file: string): Promise<Variables> {
  const [own, all] = await Promise.all([environmentAfter(shell, '/dev/null'), environmentAfter(shell, file)]);
  return Object.fromEntries(Object.entries(all).filter(([name]) => !Object.hasOwn(own, name)));
}

async function environmentAfter(shell: string, file: string): Promise<Variables> {
  const script = 'set -eu -a; . "$1"; exec env -0';
  const { stdout } = await run(shell, ['-c', script, shell, file], { env: { PATH: '/usr/bin:/bin' } });
  return Object.fromEntries(stdout.split('\0').filter(Boolean).map(pairOf));
}

/**
 * Reads an env file as `docker run --env-file` does: a value is what stands behind the first "=", to the end of the line. See
 * `ParseEnvFile` in opts/file.go of docker/cli.
 */
export function readByDocker(text: string): Variables {
  const lines = text.split('\n').map((line) => line.trimStart());
  const set = lines.filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of set)
    if (!/^[^\s=]+=/.test(line)) throw new Error(`Docker takes ${line} from its own environment`);
  return Object.fromEntries(set.map(pairOf));
}

/**
 * Reads an env file as systemd's `EnvironmentFile=` does: it takes off quotes at the start of a value, backslashes, and spaces
 * at the end. See systemd.exec(5).
 */
export function readBySystemd(text: string): Variables {
  // A backslash at the end of a line joins the next one to it.
  const lines = text.replace(/\\\n/g, '').split('\n');
  const set = lines.filter((line) => /^\s*[^\s#;]/.test(line) && line.includes('='));
  return Object.fromEntries(
    set.map((line) => pairOf(line.trim())).map(([name, value]) => [name, unquoted(value)]),
  );
}

function unquoted(value: string): string {
  const single = /^'([^']*)'$/.exec(value);
  if (single !== null) return single[1] ?? '';
  const double = /^"((?:[^"\\]|\\.)*)"$/.exec(value);
  if (double !== null) return (double[1] ?? '').replace(/\\(["\\`$])/g, '$1');
  return value.replace(/\\(.)/g, '$1');
}

function pairOf(line: string): [name: string, value: string] {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
}
