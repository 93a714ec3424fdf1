import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { UserProject } from './support/user-project.ts';

/** The oldest line of Node that the packages are for. */
const NODE = 'node@22';
const STOPPED_MS = 30_000;

interface Ready {
  readonly url: string;
  readonly apiKey: string;
  readonly otlpUrl: string;
  readonly tracesUrl: string;
}

let home: UserProject;
let project: UserProject;

beforeAll(async () => {
  home = await UserProject.create();
  await home.install(['create-throughline']);
  expect(await home.run('npx', 'create-throughline', 'my-jobs')).toContain('npm run dev');
  project = UserProject.at(path.join(home.folder, 'my-jobs'));
  await useTarballs(path.join(project.folder, 'package.json'));
  await project.install([NODE], '--save-dev');
});
afterAll(() => home.remove());

/** In place of the versions in the registry, which are not published yet. */
async function useTarballs(file: string): Promise<void> {
  const manifest = JSON.parse(await readFile(file, 'utf8'));
  const tarballs = inject('tarballs');
  const named = { ...manifest.dependencies, ...manifest.devDependencies };
  for (const part of [manifest.dependencies, manifest.devDependencies])
    for (const name of Object.keys(part)) part[name] = tarballs[name] ?? part[name];
  manifest.overrides = Object.fromEntries(
    Object.entries(tarballs).map(([name, tarball]) => [name, name in named ? `$${name}` : tarball]),
  );
  await writeFile(file, JSON.stringify(manifest));
}

describe('a project that npm create throughline made, on Node 22 and without a clone', () => {
  test('runs its own tests', async () => {
    expect(await project.run('npm', 'exec', '--', 'node', '--version')).toMatch(/^v22\./);
    expect(await project.run('npm', 'test')).toMatch(/pass 3\n/);
  });

  test('has no finding in its types, nor in a dry run of its deployment', async () => {
    await project.run('npm', 'run', 'types');
    const said = await project.run('npm', 'run', 'edge:check');
    expect(said).toContain('--dry-run: exiting now.');
    expect(said).not.toMatch(/warning|error/i);
  });

  test('runs a job in its local stack, and shows where the time went', async () => {
    const dev = spawn('npm', ['run', 'dev', '--silent', '--', '--port', '0', '--json'], {
      cwd: project.folder,
      env: hostEnvironment(),
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    try {
      const [line] = await once(createInterface(dev.stdout), 'line');
      const ready = JSON.parse(line) as Ready;
      const settings = {
        THROUGHLINE_URL: ready.url,
        THROUGHLINE_API_KEY: ready.apiKey,
        THROUGHLINE_TRACES_URL: ready.tracesUrl,
        OTEL_EXPORTER_OTLP_ENDPOINT: ready.otlpUrl,
      };
      const throughline = (...args: readonly string[]): Promise<string> =>
        project.runWith(settings, 'npm', 'exec', '--', 'throughline', ...args);
      const job = JSON.parse(
        await throughline(
          'submit',
          'page.title',
          JSON.stringify({ url: `${ready.url}/docs` }),
          '--wait',
          '--json',
        ),
      );
      expect(job).toMatchObject({
        state: 'succeeded',
        result: { title: expect.stringContaining('Throughline') },
      });
      expect(await throughline('trace', job.id)).toMatch(/process page\.title[\s\S]*GET/);
    } finally {
      await stop(dev);
    }
  });
});

/** Stops the stack as Ctrl-C does: npm and its program get the signal. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  const exited = once(child, 'exit', { signal: AbortSignal.timeout(STOPPED_MS) });
  process.kill(-child.pid, 'SIGINT');
  await exited;
}
