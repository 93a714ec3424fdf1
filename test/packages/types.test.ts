import { createRequire } from 'node:module';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { build as buildWithVite } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PACKAGES } from '../../scripts/packages/catalog.ts';
import { examples } from './support/package-pages.ts';
import { UserProject } from './support/user-project.ts';
import { WRAPPED_EDGE } from './support/wrapped-edge.ts';

const TSC = path.join(
  path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin/tsc',
);
const RESOLUTIONS = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
];

const CALLER = `
import { ApiError, type Job, ThroughlineClient } from '@throughline/client';

const client = new ThroughlineClient({ url: 'https://jobs.example' });
export async function run(): Promise<string> {
  const { job }: { readonly job: Job } = await client.submit({ operation: 'greet', input: { name: 'Ada' } });
  const state: 'queued' | 'running' | 'retrying' | 'succeeded' | 'failed' | 'cancelled' = job.state;
  return job.error?.code ?? state;
}
export async function runMany(): Promise<string[]> {
  const { results } = await client.submitBatch([{ operation: 'greet', input: { name: 'Ada' } }]);
  return results.map((result) => ('job' in result ? result.job.id : result.problem.detail));
}
export const isKnown = (thrown: unknown): boolean => thrown instanceof ApiError && thrown.status === 404;
`;
/** What a library makes of the client and gives on: the compiler must be able to name each type. */
const WRAPPED = `
import { ThroughlineClient } from '@throughline/client';
import { greet } from '../worker/operation.ts';

const client = new ThroughlineClient({ url: 'https://jobs.example' });
type Options = ConstructorParameters<typeof ThroughlineClient>[0];
export const one = async () => client.submit<typeof greet>('greet', { name: 'Ada' });
export const many = async () => client.submitBatch<[typeof greet]>([{ operation: 'greet', input: { name: 'Ada' } }]);
export const unknown = async () => client.submitBatch([{ operation: 'greet', input: {} }]);
export const read = async () => [await client.get('1'), await client.wait('1'), client.watch('1')] as const;
export const listed = async () => [await client.list(), await client.outbox(), await client.operations()] as const;
export const letters = async () => [await client.listDeadLetters(), await client.deadLetter('1')] as const;
export const cancelled = async (filter?: Parameters<typeof client.cancelMany>[0]) => client.cancelMany(filter);
export const redriven = async (filter?: Parameters<typeof client.redriveMany>[0]) => client.redriveMany(filter);
export const usage = async () => client.usage();
export const schedules = client.schedules;
export const explain = (explain: Options['explain']) => explain;
`;
const OPERATION = `
import { defineOperation, JobError, reject, retryAfter, type RunContext } from 'throughline/worker';
import * as z from 'zod';

const input = z.object({ name: z.string() });
export const greet = defineOperation({
  name: 'greet',
  input,
  output: z.object({ greeting: z.string() }),
  run: async ({ input, log, progress, signal }) => {
    log.info({ name: input.name }, 'greets');
    log.warn('%s again', input.name);
    progress({ fraction: 0.5 });
    signal.throwIfAborted();
    if (input.name === '') return reject('nobody is there');
    if (input.name === 'later') return retryAfter(1_000, 'busy');
    if (input.name === 'never') throw new JobError('never');
    return { greeting: \`Hello \${input.name}\` };
  },
});
export const attemptOf = ({ job }: RunContext<z.infer<typeof input>>): number => job.attempt;
`;
const TYPED = `
import { type RegistryOf, ThroughlineClient } from '@throughline/client';
import type * as operations from '../worker/operation.ts';

const client = new ThroughlineClient<RegistryOf<Pick<typeof operations, 'greet'>>>({ url: 'https://jobs.example' });
export async function run(): Promise<string | undefined> {
  const { job } = await client.submit('greet', { name: 'Ada' });
  // @ts-expect-error The schema wants a text.
  await client.submit('greet', { name: 1 });
  return (await client.wait(job.id)).result?.greeting;
}
`;
const TESTING = `
import { runOperation, startStack, type TestStack } from 'throughline/testing';
import { greet } from '../worker/operation.ts';

export async function run(): Promise<string | undefined> {
  const { result } = await runOperation(greet, { name: 'Ada' });
  return result?.greeting;
}
export const start = (): Promise<TestStack> => startStack({ operations: 'operations' });
export const attempt = async () => runOperation(greet, { name: 'Ada' });
export const typed = () => startStack({ operations: 'operations' });
`;
const PROPAGATION = `
import { context, propagation } from '@opentelemetry/api';
import { ThroughlinePropagator } from '@throughline/propagation';
import { ThroughlinePropagator as InWorker } from 'throughline/propagation';

propagation.setGlobalPropagator(new ThroughlinePropagator());
export const fields: readonly string[] = new InWorker().fields();
export const active = context.active();
`;
const DEV = `
import { FREE_PORTS, type Stack, startStack } from '@throughline/dev';

export const start = (): Promise<Stack> =>
  startStack({ ports: FREE_PORTS, onLog: () => undefined, onStep: () => undefined });
`;

/** What a project writes with the packages. The first part of a path says which settings it is compiled with. */
const FILES = [
  { file: 'client/caller.ts', text: CALLER },
  {
    file: 'client/caller-in-worker.ts',
    text: CALLER.replace('@throughline/client', 'throughline/client'),
  },
  { file: 'client/wrapped.ts', text: WRAPPED },
  { file: 'worker/operation.ts', text: OPERATION },
  { file: 'typed/caller.ts', text: TYPED },
  { file: 'testing/run.ts', text: TESTING },
  { file: 'propagation/start.ts', text: PROPAGATION },
  { file: 'edge/worker.ts', text: WRAPPED_EDGE },
  { file: 'dev/stack.ts', text: DEV },
  ...examples(),
];

let project: UserProject;
beforeAll(async () => {
  project = await UserProject.with('all');
  const { devDependencies } = createRequire(import.meta.url)('../../package.json') as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const types = ['@types/node', '@cloudflare/workers-types'].map(
    (name) => `${name}@${devDependencies[name]}`,
  );
  await project.install(['@throughline/client', '@throughline/propagation', ...types], '--ignore-scripts');
  for (const { file, text } of FILES) await project.write(file, text);
});
afterAll(() => project.remove());

test('every export of every package is imported, so that the compiler reads all types that the packages have', () => {
  const exported = PACKAGES.flatMap(({ name, exports }) =>
    Object.keys(exports).map((entry) => name + entry.slice(1)),
  );
  const imported = (name: string): boolean => FILES.some(({ text }) => text.includes(`from '${name}'`));
  expect(exported.filter((name) => !imported(name))).toEqual([]);
});

describe.each(RESOLUTIONS)('the types under $moduleResolution', (resolution) => {
  // One program for all folders with the same libraries: each reads the types of the packages again.
  test.each([
    // An operation needs the types of no runtime. The API of OpenTelemetry needs `console`.
    ['any-runtime', ['client', 'worker', 'typed', 'propagation'], ['DOM'], []],
    ['node', ['testing', 'dev'], [], ['node']],
    ['workerd', ['edge', 'pages/workerd'], [], ['@cloudflare/workers-types']],
    ['pages', ['pages/node'], ['DOM'], ['node']],
  ])(
    'for %s compile in a strict project that checks libraries too: %j',
    async (name, folders, lib, types) => {
      const compilerOptions = {
        ...resolution,
        target: 'ES2024',
        lib: ['ES2024', ...lib],
        types,
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
        allowImportingTsExtensions: true,
        declaration: true,
        noEmit: true,
        // More than one would check the same types several times.
        checkers: 1,
      };
      const config = `tsconfig.${name}.${resolution.moduleResolution}.json`;
      const include = folders.map((folder) => `${folder}/*.ts`);
      await project.write(config, JSON.stringify({ compilerOptions, include }));
      expect(await compilerSays(config)).toBe('');
    },
  );
});

/** The compiler writes what it finds to standard output. */
async function compilerSays(config: string): Promise<string> {
  const { cause } = await project.run(process.execPath, TSC, '-p', config).then(
    () => ({ cause: { stdout: '' } }),
    (thrown: Error) => ({ cause: thrown.cause as { readonly stdout?: string } | undefined }),
  );
  return cause?.stdout ?? 'the compiler does not start';
}

describe('a bundle of the client', () => {
  test('by esbuild is for browsers as it is', async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: [path.join(project.folder, 'client/caller.ts')],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      write: false,
      metafile: true,
      minify: true,
    });
    expect(outputFiles).toHaveLength(1);
    const inputs = Object.keys(metafile.inputs).filter((file) => file.includes('node_modules'));
    expect(inputs).toHaveLength(1);
  });

  test('by esbuild has at most 8.2 kB after gzip', async () => {
    const { outputFiles } = await build({
      stdin: { contents: "export * from '@throughline/client';", resolveDir: project.folder },
      bundle: true,
      format: 'esm',
      write: false,
      minify: true,
    });
    expect(gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length).toBeLessThanOrEqual(8_200);
  });

  test('by vite is for browsers as it is', async () => {
    const output = await buildWithVite({
      root: project.folder,
      logLevel: 'silent',
      build: {
        write: false,
        lib: { entry: path.join(project.folder, 'client/caller.ts'), formats: ['es'], fileName: 'caller' },
        rollupOptions: { onwarn: (warning) => expect.fail(String(warning.message)) },
      },
    });
    const [bundle] = [output].flat();
    expect(bundle).toMatchObject({ output: [{ imports: [] }] });
  });
});
