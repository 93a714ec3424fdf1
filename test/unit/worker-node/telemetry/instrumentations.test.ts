import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { hostEnvironment } from '../../../../dev/machine/environment.ts';
import all from '../../../../node_modules/@opentelemetry/auto-instrumentations-node/package.json' with {
  type: 'json',
};
import { cacheSettings } from '../../../support/cli/process.ts';

const run = promisify(execFile);
const PREFIX = '@opentelemetry/instrumentation-';
const NAMES = Object.keys(all.dependencies).flatMap((name) =>
  name.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : [],
);
/** The worker never wants them. */
const UNWANTED = ['runtime-node'];

/** What a process has after the instrumentations were loaded for each of these environments. */
interface Loaded {
  readonly names: readonly string[];
  readonly packages: readonly string[];
  readonly faults: readonly string[];
}

async function loadedFor(...environments: readonly Readonly<Record<string, string>>[]): Promise<Loaded> {
  const program = `
    import { createRequire } from 'node:module';
    import { diag } from '@opentelemetry/api';
    import { loadInstrumentations } from './worker-node/telemetry/instrumentations.ts';
    const faults = [];
    diag.setLogger({ error: (text) => faults.push(text), warn() {}, info() {}, debug() {}, verbose() {} });
    const names = [];
    for (const environment of ${JSON.stringify(environments)})
      for (const { instrumentationName } of await loadInstrumentations(environment, { beforeRequest() {} }))
        names.push(instrumentationName.replace('${PREFIX}', ''));
    const files = Object.keys(createRequire(import.meta.url).cache);
    const packages = new Set(files.flatMap((file) => /@opentelemetry\\/(?:auto-)?(instrumentations?-[^/]+)/.exec(file)?.[1] ?? []));
    console.log(JSON.stringify({ names, packages: [...packages].sort(), faults }));`;
  return JSON.parse(await printed(program)) as Loaded;
}

/** The files of Throughline that are loaded twice, as modules that may be patched are, when a worker loads its built-in operations. */
async function loadedTwice(): Promise<string[]> {
  const program = `
    import { registerHooks } from 'node:module';
    import { loadInstrumentations } from './worker-node/telemetry/instrumentations.ts';
    await loadInstrumentations({ OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'http' }, { beforeRequest() {} });
    const urls = [];
    registerHooks({ load: (url, context, next) => (urls.push(url.replace(/[?#].*/, '')), next(url, context)) });
    const { builtInOperations } = await import('./worker-node/operations/built-in/built-in.ts');
    if (builtInOperations === undefined || urls.length === 0) throw new Error('nothing was loaded');
    const own = urls.filter((url) => url.startsWith('file:') && !url.includes('/node_modules/'));
    console.log(JSON.stringify(own.filter((url, at) => own.indexOf(url) !== at)));`;
  return JSON.parse(await printed(program)) as string[];
}

async function printed(program: string): Promise<string> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
    env: { PATH: hostEnvironment().PATH, ...cacheSettings() },
  });
  return stdout;
}

const only = (names: string) => ({ OTEL_NODE_ENABLED_INSTRUMENTATIONS: names });

describe('the instrumentations of a worker', () => {
  it('are all, unless some are named', async () => {
    const { names } = await loadedFor({});
    expect(names).toEqual(expect.arrayContaining(['http', 'undici', 'pg', 'redis']));
    expect(names.filter((name) => UNWANTED.includes(name))).toEqual([]);
  });

  it('that are named are the only ones whose files are loaded', async () => {
    expect(await loadedFor(only(' http, undici'))).toEqual({
      names: ['http', 'undici'],
      packages: ['instrumentation-http', 'instrumentation-undici'],
      faults: [],
    });
  });

  it('can each be named', async () => {
    expect(NAMES.length).toBeGreaterThan(30);
    const { names, faults } = await loadedFor(...NAMES.map(only));
    expect(faults).toEqual([]);
    expect(names).toEqual(NAMES.filter((name) => !UNWANTED.includes(name)));
  });

  it('patch no file of Throughline, so each of them is loaded once', async () => {
    expect(await loadedTwice()).toEqual([]);
  });

  it('that are named and also disabled are not loaded', async () => {
    const { names } = await loadedFor({ ...only('http,pg'), OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'pg' });
    expect(names).toEqual(['http']);
  });

  it.each(['xyzzy', 'http/../http', 'a b'])(
    'say that there is none with the name %j, and the others are loaded',
    async (name) => {
      const { names, faults } = await loadedFor(only(`${name},http`));
      expect([names, faults]).toEqual([
        ['http'],
        [`OTEL_NODE_ENABLED_INSTRUMENTATIONS: there is no instrumentation ${name}`],
      ]);
    },
  );
});
