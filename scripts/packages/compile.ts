import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { PACKAGES, type PackageSpec } from './catalog.ts';
import { addStandalone, EDGE_OPTIONS } from './edge-bundle.ts';
import { builtPath } from './manifest.ts';
import { entriesOf } from './source-tree.ts';

const run = promisify(execFile);
const TSC = path.join(
  path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin/tsc',
);
/** The oldest runtimes that a bundle is for: Node 22, and browsers of its time. */
const TARGET = 'es2023';

/** The name of the tsconfig.json of a package while it is built. */
export const BUILD_CONFIG = 'tsconfig.build.json';

/** Writes the tsconfig.json that a package is compiled with. @param folder the folder of the package */
export async function writeBuildConfig(spec: PackageSpec, folder: string): Promise<void> {
  const compilerOptions = {
    noEmit: false,
    rewriteRelativeImportExtensions: true,
    declaration: true,
    declarationMap: true,
    sourceMap: true,
    emitDeclarationOnly: spec.form === 'bundle',
    // A comment that documents something stays with its declaration.
    removeComments: false,
    rootDir: 'src',
    outDir: 'dist',
    paths: pathsOfOthers(folder),
  };
  const config = {
    extends: path.relative(folder, spec.tsconfig),
    compilerOptions,
    include: ['src/**/*'],
  };
  await writeFile(path.join(folder, BUILD_CONFIG), JSON.stringify(config));
}

/** Where the types of the packages are that were made before. */
function pathsOfOthers(folder: string): Record<string, string[]> {
  const others = PACKAGES.filter(({ exports }) => exports['.'] !== undefined);
  return Object.fromEntries(
    others.map((other) => [
      other.name,
      [
        path.join(
          path.relative(folder, path.dirname(folder)),
          other.folder,
          builtPath(other.exports['.'] ?? '', '.d.ts'),
        ),
      ],
    ]),
  );
}

/** Compiles `src` to `dist`. @throws Error with what the compiler says */
export async function compile(spec: PackageSpec, folder: string): Promise<void> {
  await run(process.execPath, [TSC, '-p', path.join(folder, BUILD_CONFIG)]).catch((thrown: unknown) => {
    const { stdout = '' } = thrown as { readonly stdout?: string };
    throw new Error(`${spec.name} does not compile:\n${stdout}`, { cause: thrown });
  });
  if (spec.form === 'bundle') await bundle(spec, folder);
  if (spec.runtime === 'workerd') await addStandalone(folder);
}

export async function removeBuildConfig(folder: string): Promise<void> {
  await rm(path.join(folder, BUILD_CONFIG));
}

async function bundle(spec: PackageSpec, folder: string): Promise<void> {
  await build({
    entryPoints: entriesOf(spec).map((file) => path.join(folder, 'src', file)),
    outbase: path.join(folder, 'src'),
    outdir: path.join(folder, 'dist'),
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: TARGET,
    external: [...(spec.external ?? [])],
    sourcemap: true,
    // The sources are in the package.
    sourcesContent: false,
    // A bundler then makes the bundle of a user smaller. Names and line breaks stay.
    minifySyntax: true,
    legalComments: 'inline',
    ...(spec.runtime === 'workerd' ? EDGE_OPTIONS : {}),
  });
}
