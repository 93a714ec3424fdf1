import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { UserProject } from './support/user-project.ts';

/** The oldest line of Node that the packages are for. */
const NODE = 'node@22';
const STOPPED_MS = 30_000;
/** From the first command to the waterfall of a job, without the downloads. */
const FIRST_JOB_MS = 60_000;
/** The settings of `wrangler dev`, and the port in them. */
const VARIABLES = '.dev.vars';
const NATS_PORT = '9222';
const SUCCEEDED = { state: 'succeeded', result: { title: expect.stringContaining('Throughline') } };

interface Ready {
  readonly url: string;
  readonly apiKey: string;
  readonly otlpUrl: string;
  readonly tracesUrl: string;
}

/** How long the steps of a new user took, downloads not counted. */
let tookMs = 0;
let home: UserProject;
let project: UserProject;

beforeAll(async () => {
  home = await UserProject.create();
  await home.install(['create-throughline']);
  const made = await timed(() =>
    home.run('npx', 'create-throughline', 'my-jobs', '--packages', inject('packed')),
  );
  expect(made).toContain('npm run dev');
  project = UserProject.at(path.join(home.folder, 'my-jobs'));
  await project.install([NODE], '--save-dev');
});
afterAll(() => home.remove());

describe('a project that npm create throughline made, on Node 22 and without a clone', () => {
  test('runs its own tests', async () => {
    expect(await project.run('npm', 'exec', '--', 'node', '--version')).toMatch(/^v22\./);
    expect(await timed(() => project.run('npm', 'test'))).toMatch(/pass 3\n/);
  });

  test('has no finding in its types, nor in a dry run of its deployment', async () => {
    await project.run('npm', 'run', 'types');
    const said = await project.run('npm', 'run', 'edge:check');
    expect(said).toContain('--dry-run: exiting now.');
    expect(said).not.toMatch(/warning|error/i);
  });

  describe('while npm run dev runs', () => {
    let dev: Started;
    let ready: Ready;
    beforeAll(async () => {
      const port = String(await findFreePort());
      await project.write(VARIABLES, (await project.read(VARIABLES)).replaceAll(NATS_PORT, port));
      // As its README says, with a port of this test.
      dev = start('dev', '--port', '0', '--json', '--nats-websocket-port', port);
      ready = JSON.parse(await timed(() => dev.line(/"tracesUrl"/))) as Ready;
    });
    afterAll(() => dev.stop());

    test('runs a job, and shows where the time went', async () => {
      const settings = {
        THROUGHLINE_URL: ready.url,
        THROUGHLINE_API_KEY: ready.apiKey,
        THROUGHLINE_TRACES_URL: ready.tracesUrl,
        OTEL_EXPORTER_OTLP_ENDPOINT: ready.otlpUrl,
      };
      const job = JSON.parse(await timed(() => throughline(settings, ...titleJob(ready.url))));
      expect(job).toMatchObject(SUCCEEDED);
      const waterfall = await timed(() => throughline(settings, 'trace', job.id));
      expect(waterfall).toMatch(/process page\.title[\s\S]*GET/);
      process.stderr.write(
        `\na new project, its tests, its stack, a job and its waterfall: ${(tookMs / 1_000).toFixed(1)} s\n`,
      );
      expect(tookMs).toBeLessThan(FIRST_JOB_MS);
    });

    test('runs a job that comes through its own Worker in wrangler dev, with the key that the project has', async () => {
      const edge = start('edge:dev', '--port', '0', '--inspector-port', '0');
      try {
        const [url = ''] = /http:\/\/\S+/.exec(await edge.line(/Ready on http/)) ?? [];
        const { THROUGHLINE_API_KEY } = parseEnv(await project.read('.env'));
        const settings = { THROUGHLINE_URL: url, THROUGHLINE_API_KEY: THROUGHLINE_API_KEY ?? '' };
        expect(JSON.parse(await throughline(settings, ...titleJob(ready.url)))).toMatchObject(SUCCEEDED);
        expect(await (await fetch(`${url}/version`)).json()).toEqual({ environment: 'local' });
      } finally {
        await edge.stop();
      }
    });
  });
});

/** Counts the time of a step. */
async function timed<T>(step: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await step();
  tookMs += performance.now() - began;
  return result;
}

/** The arguments that submit a job for the title of the page with the API's documentation. */
function titleJob(url: string): string[] {
  return ['submit', 'page.title', JSON.stringify({ url: `${url}/docs` }), '--wait', '--json'];
}

function throughline(
  settings: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<string> {
  return project.runWith(settings, 'npm', 'exec', '--', 'throughline', ...args);
}

/** A script of the project that runs until it is stopped. */
interface Started {
  /** The first line that it prints and that matches. @throws Error with all lines, if it ends before */
  readonly line: (pattern: RegExp) => Promise<string>;
  /** Stops it as Ctrl-C does: npm and its program get the signal. */
  readonly stop: () => Promise<void>;
}

function start(script: string, ...args: readonly string[]): Started {
  const child = spawn('npm', ['run', script, '--silent', '--', ...args], {
    cwd: project.folder,
    env: hostEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const lines = createInterface(child.stdout);
  const errors: string[] = [];
  createInterface(child.stderr).on('line', (line) => errors.push(line));
  return {
    line: async (pattern) => {
      const seen: string[] = [];
      for await (const line of lines) {
        if (pattern.test(line)) {
          // Nobody reads the rest, and the script must not wait for a reader.
          child.stdout.resume();
          return line;
        }
        seen.push(line);
      }
      throw new Error(`${script} ended without ${pattern}:\n${[...seen, ...errors].join('\n')}`);
    },
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  const exited = once(child, 'exit', { signal: AbortSignal.timeout(STOPPED_MS) });
  process.kill(-child.pid, 'SIGINT');
  await exited;
}
