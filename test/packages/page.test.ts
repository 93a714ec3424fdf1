import { cp, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { copyTree } from '../support/deploy/copy-tree.ts';
import { buildWithoutEngine, readDockerfile } from '../support/deploy/dockerfile.ts';
import { blockOf, blocksOf } from '../support/docs/pages.ts';
import { type Started, startScript } from './support/started-script.ts';
import { UserProject } from './support/user-project.ts';

const PAGE = 'docs/PACKAGES.md';
const NAME = 'my-jobs';
/** From the first command to the waterfall of a job, without the downloads. On a quiet machine it is about ten seconds. */
const FIRST_JOB_MS = 240_000;
/** The settings of `wrangler dev`, and the port in them. */
const VARIABLES = '.dev.vars';
const NATS_PORT = '9222';
/** The files of a new project that have a key in them, which differs. */
const WITH_KEY = ['.env', VARIABLES];
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
/** It stands for the checkout, from which the page uses the command line and the packed packages only. */
let checkout: UserProject;
let project: UserProject;
let said: string;

beforeAll(async () => {
  home = await UserProject.create();
  checkout = UserProject.at(path.join(home.folder, 'throughline'), inject('oldestNode'));
  await copyTree(inject('installed').worker, checkout.folder);
  await symlink(inject('packed'), path.join(checkout.folder, 'packed'));
  project = UserProject.at(path.join(home.folder, NAME), inject('oldestNode'));
  said = await checkout.run('sh', '-e', '-c', blockOf(PAGE, 'sh project'));
});
afterAll(() => home.remove());

test('every block of commands of the page is run: here, or before the first test', () => {
  const names = blocksOf(PAGE).flatMap(({ language, words }) => (language === 'sh' ? [words.join(' ')] : []));
  expect(names).toEqual(['pack', 'project', 'upgrade', 'install']);
});

test('a project into which the packages were installed with the commands of the page has the local stack', async () => {
  const other = UserProject.at(inject('installed').all, inject('oldestNode'));
  expect(await other.run('npx', 'throughline', 'dev', '--help')).toContain('Runs nats-server');
});

test('npm create throughline makes the project that the commands of the page make', async () => {
  await home.install(['create-throughline']);
  const place = path.join('created', NAME);
  await mkdir(path.join(home.folder, 'created'));
  const told = await timed(() =>
    home.run('npx', 'create-throughline', place, '--packages', inject('packed')),
  );
  expect(told).toContain('npm run dev');
  const created = UserProject.at(path.join(home.folder, place));
  const files = (await readdir(created.folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.relative(created.folder, path.join(parentPath, name)));
  expect(files).toEqual(expect.arrayContaining(['package.json', ...WITH_KEY]));
  for (const file of files.filter((name) => !WITH_KEY.includes(name)))
    expect(await created.read(file), file).toBe(await project.read(file));
});

test('the steps of its Dockerfile make a worker that loads its operations', async () => {
  const context = path.join(home.folder, 'context');
  for (const name of await sentToEngine())
    await cp(path.join(project.folder, name), path.join(context, name), { recursive: true });
  const scratch = path.join(home.folder, 'stages');
  const instructions = await readDockerfile(path.join(project.folder, 'Dockerfile'));
  const environment = { ...hostEnvironment(), npm_config_prefer_offline: 'true' };
  const built = await buildWithoutEngine(instructions, { context, scratch, environment });
  const image = UserProject.at(built.folder);
  const variables = { ...built.environment, NATS_URL: 'nats://127.0.0.1:1' };
  const [program = '', ...args] = built.command;
  await expect(image.runWith(variables, program, ...args)).rejects.toThrow(
    'cannot connect to NATS at nats://127.0.0.1:1',
  );
});

/** The entries of the project that Docker gives to its engine. */
async function sentToEngine(): Promise<string[]> {
  const lines = (await readFile(path.join(project.folder, '.dockerignore'), 'utf8')).trim().split('\n');
  expect(lines.shift()).toBe('*');
  return lines.map((line) => line.replace(/^!/, ''));
}

describe('a project that was made and installed with the commands of the page, on the oldest Node', () => {
  test('runs its own tests', async () => {
    expect(said).toMatch(/pass 3\n/);
    expect(await project.run('node', '--version')).toMatch(/^v22\./);
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
      dev = startScript(project, 'dev', '--port', '0', '--json', '--nats-websocket-port', port);
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
      const edge = startScript(project, 'edge:dev', '--port', '0', '--inspector-port', '0');
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

describe('a project that has taken newer packages of the same version', () => {
  const PROGRAM = 'node_modules/throughline/dist/cli/main.js';
  const NEWER = '// newer';

  beforeAll(async () => {
    const folder = path.join(home.folder, 'newer');
    await cp(inject('packed'), folder, { recursive: true });
    const packed = inject('tarballs').throughline ?? '';
    const change = `tar -xzf "$1" && printf '\\n%s' "$2" >> package/dist/cli/main.js && npm pack ./package --pack-destination "$3"`;
    const scratch = UserProject.at(path.join(home.folder, 'scratch'));
    await mkdir(scratch.folder);
    await scratch.run('sh', '-e', '-c', change, 'sh', packed, NEWER, folder);
    await rm(path.join(checkout.folder, 'packed'));
    await symlink(folder, path.join(checkout.folder, 'packed'));
    await project.run('sh', '-e', '-c', blockOf(PAGE, 'sh upgrade'));
  });

  test('has them, and still when all is installed again', async () => {
    expect(await project.read(PROGRAM)).toContain(NEWER);
    await rm(path.join(project.folder, 'node_modules'), { recursive: true });
    await project.run('npm', 'ci');
    expect(await project.read(PROGRAM)).toContain(NEWER);
  });

  test('imports and names what it did before', async () => {
    const created = UserProject.at(path.join(home.folder, 'created', NAME));
    expect(await project.read('package.json')).toBe(await created.read('package.json'));
    expect(await readdir(path.join(project.folder, 'packages'))).toEqual(
      await readdir(path.join(created.folder, 'packages')),
    );
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
