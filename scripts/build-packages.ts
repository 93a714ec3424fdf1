import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PACKAGES, type PackageSpec } from './packages/catalog.ts';
import { compile, removeBuildConfig, writeBuildConfig } from './packages/compile.ts';
import { importsIn, tidyDeclarations } from './packages/declarations.ts';
import { manifestOf, packageOf, type TreeManifest } from './packages/manifest.ts';
import { copySources, filesOf } from './packages/source-tree.ts';

/** `npm run build:packages`: makes all packages from the tree, in `dist/packages`. */
const tree = JSON.parse(await readFile('package.json', 'utf8')) as TreeManifest;
for (const spec of PACKAGES) {
  await buildPackage(spec, path.join('dist/packages', spec.folder));
  process.stdout.write(`${spec.name} ${tree.version}\n`);
}

async function buildPackage(spec: PackageSpec, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const writeManifest = (imported: readonly string[]): Promise<void> =>
    writeFile(
      path.join(folder, 'package.json'),
      `${JSON.stringify(manifestOf(spec, tree, imported), null, 2)}\n`,
    );
  // The compiler reads from the manifest that the files are ES modules.
  await writeManifest([]);
  await copySources(spec, await filesOf(spec), folder);
  await writeBuildConfig(spec, folder);
  await compile(spec, folder);
  await tidyDeclarations(spec, folder);
  await removeBuildConfig(folder);
  const packages = (await importsIn(folder)).flatMap((specifier) => packageOf(specifier) ?? []);
  await writeManifest([...new Set(packages)]);
  for (const asset of spec.assets ?? [])
    await cp(asset, path.join(folder, 'dist', asset), { recursive: true });
  await cp('LICENSE', path.join(folder, 'LICENSE'));
  await cp(`scripts/packages/readme/${spec.folder}.md`, path.join(folder, 'README.md'));
}
