/**
 * What `systemctl` is on the hosts of the runbook's test, which have no systemd. It starts and ends real processes as a unit file
 * says: EnvironmentFile, WorkingDirectory, ExecStartPre, ExecStart, ExecReload and StateDirectory. `HOST_ROOT` is the folder
 * of the host, to which the paths in the unit belong.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { readBySystemd } from './env-files.ts';

const { HOST_ROOT: root = '', PATH = '' } = hostEnvironment();
const [verb = '', ...rest] = process.argv.slice(2);
const [unit = ''] = rest.filter((word) => !word.startsWith('-'));
const LONGEST_STOP_MS = 40_000;

/** The paths of the unit that belong to the host. */
function onHost(text: string): string {
  return text.replace(/(?<=^|[\s=-])\/(?=etc\/throughline|opt\/|var\/|usr\/local\/)/g, `${root}/`);
}

function setting(name: string): string | undefined {
  const text = readFileSync(path.join(root, 'etc/systemd/system', `${unit}.service`), 'utf8');
  return onHost(new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '') || undefined;
}

const pidFile = path.join(root, 'run', `${unit}.pid`);

function pid(): number | undefined {
  const found = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : undefined;
  return found !== undefined && isAlive(found) ? found : undefined;
}

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch {
    return false;
  }
}

function start(): void {
  if (pid() !== undefined) return;
  const file = setting('EnvironmentFile');
  const environment = { PATH, ...readBySystemd(file === undefined ? '' : readFileSync(file, 'utf8')) };
  const state = setting('StateDirectory');
  if (state !== undefined) mkdirSync(path.join(root, 'var/lib', state), { recursive: true });
  const cwd = setting('WorkingDirectory') ?? root;
  const words = (name: string): string[] => setting(name)?.split(' ') ?? [];
  const [check, ...checkArgs] = words('ExecStartPre');
  if (check !== undefined) {
    const { status, stderr } = spawnSync(check, checkArgs, { cwd, env: environment, encoding: 'utf8' });
    if (status !== 0) throw new Error(`ExecStartPre: ${stderr}`);
  }
  const [program = '', ...args] = words('ExecStart');
  mkdirSync(path.dirname(pidFile), { recursive: true });
  const log = openSync(path.join(root, 'run', `${unit}.log`), 'a');
  const child = spawn(program.replace('/usr/bin/node', process.execPath), args, {
    cwd,
    env: environment,
    detached: true,
    stdio: ['ignore', log, log],
  });
  child.unref();
  writeFileSync(pidFile, String(child.pid));
}

async function stop(): Promise<void> {
  const running = pid();
  if (running === undefined) return;
  process.kill(running, 'SIGTERM');
  const deadline = Date.now() + LONGEST_STOP_MS;
  while (isAlive(running)) {
    if (Date.now() > deadline) process.kill(running, 'SIGKILL');
    await delay(50);
  }
  rmSync(pidFile, { force: true });
}

if (verb === 'enable' || verb === 'start') start();
else if (verb === 'stop') await stop();
else if (verb === 'restart') {
  await stop();
  start();
} else if (verb === 'reload') {
  const running = pid();
  if (running === undefined) throw new Error(`${unit} does not run`);
  if (setting('ExecReload') !== '/bin/kill -HUP $MAINPID') throw new Error('ExecReload is another command');
  process.kill(running, 'SIGHUP');
} else if (verb !== 'daemon-reload') throw new Error(`this systemctl does not know ${verb}`);
