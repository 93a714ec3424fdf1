import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { runCommand } from '../../dev/machine/command.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { PACKAGES } from '../../scripts/packages/catalog.ts';
import { textOf } from '../support/docs/pages.ts';
import { UserProject } from './support/user-project.ts';

const ATTW = path.join(
  path.dirname(createRequire(import.meta.url).resolve('@arethetypeswrong/cli/package.json')),
  'dist/index.js',
);
/** What a worker in production has no use for. */
const DEVELOPMENT = ['wrangler', 'miniflare', 'workerd', 'node', 'typescript', 'esbuild', 'vite'];

describe.each(PACKAGES)('$name', ({ name }) => {
  test('has a manifest without a fault', async () => {
    const { buffer: tarball } = new Uint8Array(await readFile(inject('tarballs')[name] ?? ''));
    const { messages } = await publint({ pack: { tarball }, strict: true });
    expect(messages).toEqual([]);
  });

  test('has types that each resolution of ES modules finds', async () => {
    const args = [ATTW, inject('tarballs')[name] ?? '', '--profile', 'esm-only', '--format', 'json'];
    const report = await runCommand(process.execPath, args, {
      timeoutMs: 60_000,
      environment: hostEnvironment(),
    });
    expect(JSON.parse(report)).toMatchObject({ analysis: { types: { kind: 'included' } } });
  });
});

/** What an install of a package brings, by its lockfile. */
async function installOf(name: string): Promise<string[]> {
  const project = await UserProject.create();
  try {
    await project.install([name], '--package-lock-only');
    return await project.installed();
  } finally {
    await project.remove();
  }
}

test('docs/PACKAGES.md tells the sizes of the packed packages, within a fifth', async () => {
  const rows = [...textOf('docs/PACKAGES.md').matchAll(/^\| `(\S+)` \| (\d+) KiB \|/gm)];
  expect(rows.length).toBeGreaterThan(3);
  for (const [, name = '', said] of rows) {
    const { size } = await stat(inject('tarballs')[name] ?? '');
    expect(Math.abs(size / 1024 / Number(said) - 1), `${name}: ${size / 1024} KiB`).toBeLessThan(0.2);
  }
});

describe('an install', () => {
  test('of the client brings nothing else', async () => {
    expect(await installOf('@throughline/client')).toEqual(['@throughline/client']);
  });

  test('of the propagation brings the API of OpenTelemetry and nothing else', async () => {
    expect(await installOf('@throughline/propagation')).toEqual([
      '@opentelemetry/api',
      '@throughline/propagation',
    ]);
  });

  test('of the edge brings Hono and nothing else', async () => {
    expect(await installOf('@throughline/edge')).toEqual(['@throughline/edge', 'hono']);
  });

  test('of the worker brings nothing that is for development', async () => {
    const installed = await UserProject.at(inject('installed').worker).installed();
    expect(installed).toContain('@nats-io/transport-node');
    expect(installed.filter((name) => DEVELOPMENT.includes(name))).toEqual([]);
  });
});

describe('the command line', () => {
  let project: UserProject;
  beforeAll(async () => {
    project = await UserProject.with('worker');
  });
  afterAll(() => project.remove());

  test('tells its version and its commands', async () => {
    const { version } = JSON.parse(await project.read('node_modules/throughline/package.json')) as {
      readonly version: string;
    };
    expect((await project.run('npx', 'throughline', '--version')).trim()).toBe(version);
    expect(await project.run('npx', 'throughline', '--help')).toContain('worker');
  });

  test('names the package that it lacks for the local stack', async () => {
    await expect(project.run('npx', 'throughline', 'dev')).rejects.toThrow(
      'npm install --save-dev @throughline/dev',
    );
  });

  test('says on an old Node which one it needs, before it loads anything that needs it', async () => {
    const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`;
    const program = 'node_modules/throughline/dist/cli/main.js';
    const { engines } = JSON.parse(await project.read('node_modules/throughline/package.json')) as {
      readonly engines: { readonly node: string };
    };
    const needed = engines.node.replace('>=', '');
    await expect(
      project.run(
        'node',
        '--import',
        `data:text/javascript,${encodeURIComponent(old)}`,
        program,
        '--version',
      ),
    ).rejects.toThrow(`throughline needs Node ${needed} or newer, and this is Node 20.20.2.`);
  });
});
