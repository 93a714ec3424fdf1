/**
 * Proves who may import whom, from what the bundler resolves: `shared/` knows no runtime, `edge/` and `worker-node/`
 * do not know each other, `client/` runs anywhere, and nothing that ships knows tests or the local stack.
 */
import { glob } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { build, type Metafile } from 'esbuild';

interface Boundary {
  readonly folder: string;
  /** Folders of the project that its files may import. */
  readonly mayImport: readonly string[];
  /** Modules of a runtime that its files may import; undefined: any. */
  readonly runtime?: (module: string) => boolean;
}

const BOUNDARIES: readonly Boundary[] = [
  { folder: 'shared', mayImport: ['shared'], runtime: () => false },
  { folder: 'client', mayImport: ['client', 'shared'], runtime: () => false },
  { folder: 'edge', mayImport: ['edge', 'shared'], runtime: (module) => module === 'cloudflare:workers' },
  {
    folder: 'worker-node',
    mayImport: ['worker-node', 'shared'],
    runtime: (module) => !module.startsWith('cloudflare:'),
  },
];

const faults = (await Promise.all(BOUNDARIES.map(check))).flat();
for (const fault of faults) process.stderr.write(`${fault}\n`);
if (faults.length === 0) process.stdout.write('boundaries hold: shared, client, edge, worker-node\n');
process.exitCode = faults.length === 0 ? 0 : 1;

async function check({ folder, mayImport, runtime = () => true }: Boundary): Promise<string[]> {
  const files = await importsOf(folder);
  if (files.length === 0) return [`${folder}/ has no files: the check is looking in the wrong place`];
  return files.flatMap(([file, imports]) =>
    imports.flatMap(({ path, external }) => {
      if (external === true) return isRuntime(path) && !runtime(path) ? [`${file} imports ${path}`] : [];
      const [top] = path.split('/');
      return top !== undefined && mayImport.includes(top) ? [] : [`${file} imports ${path}`];
    }),
  );
}

/** Every file of a folder with what it imports; packages stay outside. */
async function importsOf(folder: string): Promise<[string, Metafile['inputs'][string]['imports']][]> {
  const entryPoints = await Array.fromAsync(glob(`${folder}/**/*.ts`));
  const { metafile } = await build({
    entryPoints,
    bundle: true,
    write: false,
    metafile: true,
    packages: 'external',
    external: ['cloudflare:*'],
    format: 'esm',
    platform: 'node',
    outdir: 'dist/boundaries',
    logLevel: 'error',
  });
  return Object.entries(metafile.inputs)
    .filter(([file]) => file.startsWith(`${folder}/`))
    .map(([file, { imports }]) => [file, imports]);
}

function isRuntime(module: string): boolean {
  return /^(node|cloudflare|bun|deno):/.test(module) || builtinModules.includes(module);
}
