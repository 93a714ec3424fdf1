import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv, promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { unstable_readConfig as readConfig } from 'wrangler';
import { createProject, nextSteps } from '../../../create/project.ts';
import { VERSIONS } from '../../../create/versions.ts';
import manifest from '../../../package.json' with { type: 'json' };
import { WORKER_NODE } from '../../../scripts/packages/catalog.ts';
import { hashApiKey } from '../../../shared/api/access.ts';
import { scratchFolder } from '../../support/cleanup.ts';

/** The settings without which the edge does not start, and wrangler does not deploy (test/edge/setting-names.test.ts). */
const REQUIRED = ['NATS_URL', 'API_KEYS'];

const newFolder = async (name = 'my-jobs'): Promise<string> => path.join(await scratchFolder(), name);

describe('a new project', () => {
  it('is entered by the command that it prints, whatever its path holds', async () => {
    const folder = await newFolder('-my $HOME\'s; "work"/my-jobs');
    const [cd] = /^ {2}cd .+$/m.exec(nextSteps(await createProject(folder))) ?? [];
    const { stdout } = await promisify(execFile)('sh', ['-c', `${cd}\npwd`]);
    expect(stdout).toBe(`${folder}\n`);
  });

  it('comes with the command that says why npm is silent, as it is behind a proxy that refuses', async () => {
    expect(nextSteps(await createProject(await newFolder()))).toContain('npm ping --fetch-retries=0');
  });

  it('has all files, and no placeholder is left in them', async () => {
    const folder = await newFolder();
    const { name, files } = await createProject(folder);
    expect(name).toBe('my-jobs');
    expect(files).toEqual(
      expect.arrayContaining([
        '.dev.vars',
        '.dockerignore',
        '.env',
        '.gitignore',
        'Dockerfile',
        'README.md',
        'compose.yaml',
        'package.json',
        'wrangler.toml',
        'edge/index.ts',
        'operations/page-title.ts',
        'operations/page-title.test.ts',
        '.github/workflows/deploy.yml',
        'deploy/worker.service',
      ]),
    );
    for (const file of files)
      expect(await readFile(path.join(folder, file), 'utf8'), file).not.toMatch(/(?<!\$)\{\{/);
  });

  it('can be read by those whom the user lets read new files, except the keys in it', async () => {
    const folder = await newFolder();
    await createProject(folder);
    const mode = async (file: string): Promise<number> => (await stat(path.join(folder, file))).mode & 0o777;
    const probe = path.join(path.dirname(folder), 'probe');
    await mkdir(probe);
    await writeFile(path.join(probe, 'file'), '');
    expect(await mode('.')).toBe(await mode('../probe'));
    expect(await mode('package.json')).toBe(await mode('../probe/file'));
    for (const file of ['.env', '.dev.vars']) expect(await mode(file), file).toBe(0o600);
  });

  it.each([
    ['an empty folder', async (folder: string) => void (await mkdir(folder))],
    [
      'a clone without files',
      async (folder: string) => void (await mkdir(`${folder}/.git`, { recursive: true })),
    ],
    [
      'the place that a link leads to',
      async (folder: string) => {
        await mkdir(`${folder}.real`);
        await symlink(`${folder}.real`, folder);
      },
    ],
  ])('may be made in %s, which stays the same folder: a shell may be in it', async (_, make) => {
    const folder = await newFolder();
    await make(folder);
    const { ino } = await stat(folder);
    const there = await readdir(folder);
    const { files } = await createProject(folder);
    expect((await stat(folder)).ino).toBe(ino);
    const tops = files.map((file) => file.split('/')[0] ?? '');
    expect((await readdir(folder)).sort()).toEqual([...new Set([...tops, ...there])].sort());
  });

  it('has a key for wrangler dev that fits the entry in .dev.vars, and is another one each time', async () => {
    const keys = await Promise.all(
      ['a', 'b'].map(async () => {
        const folder = await newFolder();
        await createProject(folder);
        const [, key = ''] =
          /^THROUGHLINE_API_KEY=(.+)$/m.exec(await readFile(path.join(folder, '.env'), 'utf8')) ?? [];
        const [, entries = ''] =
          /^API_KEYS=(.+)$/m.exec(await readFile(path.join(folder, '.dev.vars'), 'utf8')) ?? [];
        expect(JSON.parse(entries)).toEqual([{ id: 'dev', tenant: 'demo', hash: await hashApiKey(key) }]);
        return key;
      }),
    );
    expect(new Set(keys).size).toBe(2);
  });

  it('is not installed with a Node that cannot run it', async () => {
    const folder = await newFolder();
    await createProject(folder);
    const { engines } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
    expect(engines).toEqual({ node: WORKER_NODE });
    expect(parseEnv(await readFile(path.join(folder, '.npmrc'), 'utf8'))).toEqual({
      'engine-strict': 'true',
    });
  });

  it('commits no settings with secrets, and all else', async () => {
    const folder = await newFolder();
    const { files } = await createProject(folder);
    const run = promisify(execFile);
    await run('git', ['init', '--quiet', folder]);
    const secret = ['.env', '.dev.vars'];
    const later = ['.env.staging', '.dev.vars.staging', 'deploy/worker.env', 'node_modules/zod/index.js'];
    const { stdout } = await run('git', ['check-ignore', '--', ...files, ...later], { cwd: folder });
    expect(stdout.trim().split('\n').sort()).toEqual([...secret, ...later].sort());
  });

  it.each([undefined, 'staging', 'production'])(
    'has the bindings of the edge for the environment %s',
    async (env) => {
      const folder = await newFolder();
      await createProject(folder);
      const config = readConfig({ config: path.join(folder, 'wrangler.toml'), ...(env && { env }) });
      const objects = config.durable_objects.bindings.map(
        ({ name, class_name }: { name: string; class_name: string }) => `${name} ${class_name}`,
      );
      expect(objects).toEqual(['BRIDGE Bridge', 'JOB_INDEX JobIndex', 'SCHEDULES Schedules']);
      expect(config.vars).toEqual({ ENVIRONMENT: env ?? 'local' });
      // At the top they would keep `wrangler dev` from reading the other settings in .dev.vars.
      expect(config.secrets?.required).toEqual(env && REQUIRED);
    },
  );

  it('names the versions that Throughline itself is tested with', () => {
    const { zod, hono } = manifest.dependencies;
    const { typescript, wrangler } = manifest.devDependencies;
    expect(VERSIONS).toMatchObject({ zod, hono, typescript, wrangler });
    expect(VERSIONS['types-node']).toBe(manifest.devDependencies['@types/node']);
    expect(VERSIONS['workers-types']).toBe(manifest.devDependencies['@cloudflare/workers-types']);
    const { compatibility_date } = readConfig({ config: 'wrangler.toml' });
    expect(VERSIONS['compatibility-date']).toBe(compatibility_date);
  });
});

describe('the packages of Throughline in a new project', () => {
  const NAMES = ['throughline', '@throughline/client', '@throughline/dev', '@throughline/edge'];
  const fileOf = (name: string): string =>
    `${name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`;
  const read = async (folder: string, file: string): Promise<string> =>
    await readFile(path.join(folder, file), 'utf8');

  /** A folder with a file for each of the packages. */
  async function packed(names: readonly string[] = NAMES): Promise<string> {
    const folder = await scratchFolder();
    for (const name of names) await writeFile(path.join(folder, fileOf(name)), name);
    return folder;
  }

  async function specsIn(folder: string): Promise<unknown[]> {
    const { dependencies, devDependencies } = JSON.parse(await read(folder, 'package.json'));
    return NAMES.map((name) => ({ ...dependencies, ...devDependencies })[name]);
  }

  it('are those of this version in the registry', async () => {
    const folder = await newFolder();
    expect(nextSteps(await createProject(folder))).toContain('npm install    # 404?');
    expect(new Set(await specsIn(folder))).toEqual(new Set([manifest.version]));
    expect(await read(folder, 'Dockerfile')).not.toContain('COPY packages');
  });

  it('may be copies of packed ones, which its Dockerfile has too', async () => {
    const folder = await newFolder();
    const project = await createProject(folder, { packages: await packed() });
    expect(nextSteps(project)).toMatch(/^ {2}npm install$/m);
    expect(await specsIn(folder)).toEqual(NAMES.map((name) => `file:packages/${fileOf(name)}`));
    for (const name of NAMES) expect(await read(folder, `packages/${fileOf(name)}`)).toBe(name);
    expect(await read(folder, 'Dockerfile')).toMatch(/^COPY packages .\/packages\nRUN npm ci/m);
    expect((await read(folder, '.dockerignore')).split('\n')).toContain('!packages');
  });

  it('are refused with a sentence if one is not packed, and nothing is written', async () => {
    const folder = await newFolder();
    const made = createProject(folder, { packages: await packed(NAMES.slice(0, 3)) });
    await expect(made).rejects.toThrow(`does not hold ${fileOf('@throughline/edge')}; pack all packages`);
    await expect(createProject(folder, { packages: '/no/such/folder' })).rejects.toThrow(
      '/no/such/folder cannot be read',
    );
    expect(await readdir(path.dirname(folder))).toEqual([]);
  });
});

it('the unit of a new project is the one that Throughline ships, for another folder', async () => {
  const folder = await newFolder();
  await createProject(folder);
  const settings = async (file: string | URL): Promise<string[]> =>
    (await readFile(file, 'utf8'))
      .split('\n')
      .filter((line) => line !== '' && !/^(#|Description|Documentation|ExecStart)/.test(line))
      .map((line) => line.replace(/my-jobs|throughline/g, 'X'));
  const shipped = new URL('../../../deploy/worker/throughline-worker.service', import.meta.url);
  expect(await settings(path.join(folder, 'deploy/worker.service'))).toEqual(await settings(shipped));
});

describe('a project that cannot be made', () => {
  it.each(['My-Jobs', '1jobs', 'jobs.web', 'a'.repeat(55), 'jöbs', '-jobs', 'jobs-'])(
    'is refused with a sentence for the name %s, and nothing is written',
    async (name) => {
      const folder = await newFolder(name);
      await expect(createProject(folder)).rejects.toThrow(/the folder's name is the project's name/);
      expect(await readdir(path.dirname(folder))).toEqual([]);
    },
  );

  it('is refused in a folder that is not empty, which stays as it is', async () => {
    const folder = await newFolder();
    await mkdir(folder);
    await writeFile(path.join(folder, 'mine.txt'), 'mine');
    await expect(createProject(folder)).rejects.toThrow(/is not empty: it holds "mine.txt"; name a folder/);
    expect(await readdir(folder)).toEqual(['mine.txt']);
    expect(await readdir(path.dirname(folder))).toEqual(['my-jobs']);
  });

  it('is refused without a name, as a script gives it from a variable that is not set', async () => {
    await expect(createProject('')).rejects.toThrow('the folder has no name');
  });

  it.skipIf(!existsSync('/proc/self'))('is refused where a file system takes no folders', async () => {
    const why = '/proc/jobs cannot be written: its file system takes no new folders';
    await expect(createProject('/proc/jobs')).rejects.toThrow(why);
  });

  it('is refused in the place of a file', async () => {
    const folder = await newFolder();
    await writeFile(folder, '');
    await expect(createProject(folder)).rejects.toThrow(/cannot be used: a part of its path is a file/);
  });

  it('is refused with a sentence where it cannot be written, and nothing is left', async () => {
    const folder = await newFolder();
    // No folder can take the place of a link that leads nowhere.
    await symlink(`${folder}.nowhere`, folder);
    const refusal = { code: 'request-invalid', message: expect.stringContaining('cannot be written') };
    await expect(createProject(folder)).rejects.toMatchObject(refusal);
    expect(await readdir(path.dirname(folder))).toEqual(['my-jobs']);
  });
});
