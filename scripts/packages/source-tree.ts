import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { importsOf, specifiersIn } from '../imports.ts';
import type { PackageSpec } from './catalog.ts';

/** The source files of a package, before anything else of it. */
export function entriesOf({ exports, bin, loaded }: PackageSpec): string[] {
  return [...Object.values(exports), ...Object.values(bin ?? {}), ...(loaded ?? [])];
}

/** All source files that a package needs: its entries, and what they import. @returns their paths in the tree */
export async function filesOf(spec: PackageSpec): Promise<string[]> {
  const files = new Set(entriesOf(spec));
  for (const file of files) {
    const source = spec.standIns?.[file] ?? file;
    if (!source.endsWith('.ts')) continue;
    for (const { to, isOwnFile } of await importsOf(source)) {
      if (isOwnFile && spec.elsewhere?.[to] === undefined) files.add(to);
    }
  }
  return [...files].sort();
}

/**
 * Copies the source files of a package to its folder `src`. An import of a file of another package becomes an import of
 * that package.
 */
export async function copySources(
  spec: PackageSpec,
  files: readonly string[],
  folder: string,
): Promise<void> {
  for (const file of files) {
    const target = path.join(folder, 'src', file);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, file === 'package.json' ? await innerManifest(spec) : await sourceOf(spec, file));
  }
}

/** What code may read of the manifest. */
async function innerManifest({ name }: PackageSpec): Promise<string> {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { readonly version: string };
  return `${JSON.stringify({ name, version, type: 'module' }, null, 2)}\n`;
}

async function sourceOf(spec: PackageSpec, file: string): Promise<string> {
  const standIn = spec.standIns?.[file];
  const text = await readFile(standIn ?? file, 'utf8');
  if (!file.endsWith('.ts')) return text;
  const edits = specifiersIn(file, text)
    .map(({ name, start }) => ({ name, start, instead: insteadOf(spec, file, name) }))
    .sort((a, b) => b.start - a.start);
  return edits.reduce(
    (edited, { name, start, instead }) =>
      edited.slice(0, start) + instead + edited.slice(start + name.length),
    text,
  );
}

function insteadOf(spec: PackageSpec, file: string, name: string): string {
  if (!name.startsWith('.')) return name;
  const standIn = spec.standIns?.[file];
  const to = path.posix.join(path.posix.dirname(standIn ?? file), name);
  const elsewhere = spec.elsewhere?.[to];
  if (elsewhere !== undefined) return elsewhere;
  return standIn === undefined ? name : relativeTo(file, to);
}

/** A stand-in lies elsewhere in the tree than the file whose place it takes. */
function relativeTo(file: string, to: string): string {
  const relative = path.posix.relative(path.posix.dirname(file), to);
  return relative.startsWith('.') ? relative : `./${relative}`;
}
