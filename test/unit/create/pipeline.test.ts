import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { createProject } from '../../../create/project.ts';
import { scratchFolder } from '../../support/cleanup.ts';

async function project(): Promise<string> {
  const folder = path.join(await scratchFolder(), 'my-jobs');
  await createProject(folder);
  return folder;
}

/** The programs of a machine, each a line of shell. They write their names into `calls`. */
async function machine(programs: Readonly<Record<string, string>>) {
  const folder = await scratchFolder();
  const calls = path.join(folder, 'calls');
  const bin = path.join(folder, 'bin');
  await mkdir(bin);
  await writeFile(calls, '');
  for (const [name, line] of Object.entries(programs)) {
    await writeFile(path.join(bin, name), `#!/bin/sh\necho "${name} $*" >> ${calls}\n${line}\n`);
    await chmod(path.join(bin, name), 0o755);
  }
  return { PATH: `${bin}:${process.env.PATH}`, calls: () => readFile(calls, 'utf8') };
}

describe('the script that rolls the workers of a project', () => {
  /** Runs the script against hosts that are this machine, with other programs. */
  async function roll(programs: Readonly<Record<string, string>>) {
    const folder = await project();
    // `cd` leads to the clone on the host.
    const script = (await readFile(path.join(folder, 'deploy/roll-workers.sh'), 'utf8')).replaceAll(
      '/opt/my-jobs',
      folder,
    );
    await writeFile(path.join(folder, 'roll.sh'), script);
    const { PATH, calls } = await machine({
      ssh: 'shift; exec "$@"',
      git: '',
      npm: '',
      sudo: '',
      curl: '',
      sleep: '',
      ...programs,
    });
    const child = spawn('bash', [path.join(folder, 'roll.sh'), 'abc123'], {
      env: { PATH, WORKER_HOSTS: 'one two' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [errors, [code]] = await Promise.all([
      text(child.stderr),
      once(child, 'close'),
      text(child.stdout),
    ]);
    return { code, errors, calls: (await calls()).trim().split('\n') };
  }

  it('renews one host after the other, even if a program there reads its input', async () => {
    const host = [
      'ssh @ bash -seu',
      'git fetch --quiet origin',
      'git checkout --quiet --detach abc123',
      'npm ci --omit=dev --ignore-scripts --no-audit --no-fund',
      'sudo systemctl restart my-jobs-worker',
      'curl --fail --silent --max-time 2 http://127.0.0.1:8081/readyz',
    ];
    const { code, calls } = await roll({ npm: 'cat >/dev/null' });
    expect(code).toBe(0);
    expect(calls).toEqual(['one', 'two'].flatMap((name) => host.map((line) => line.replace('@', name))));
  });

  it.each([
    ['cannot be reached', { ssh: 'exit 255' }],
    ['does not get the packages', { npm: 'exit 1' }],
    ['is not ready', { curl: 'exit 22' }],
  ])('stops at a host that %s', async (_, programs) => {
    const { code, calls } = await roll(programs);
    expect(code).not.toBe(0);
    expect(calls.filter((line) => line.startsWith('ssh'))).toEqual(['ssh one bash -seu']);
  });
});

it('the pipeline of a project shows a secret to no step but the one that needs it', async () => {
  const workflow = await readFile(path.join(await project(), '.github/workflows/release.yml'), 'utf8');
  const [before = '', ...steps] = workflow.split(/^ {6}- /m);
  expect(before).not.toContain('secrets.');
  const withSecrets = steps
    .filter((step) => step.includes('secrets.'))
    .map((step) => /^name: (.*)$/m.exec(step)?.[1]);
  expect(withSecrets).toEqual([
    'Check the streams in NATS',
    'Roll the workers',
    'Deploy the edge',
    'Send a canary job through all of it',
  ]);
});
