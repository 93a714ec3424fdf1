import { glob, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { specifiersIn } from '../imports.ts';
import type { PackageSpec } from './catalog.ts';
import { BUILD_CONFIG } from './compile.ts';
import { PlainTypes } from './plain-types.ts';

/**
 * Keeps the declarations that a project can reach from what the package exports, and removes all others. The schemas of
 * zod in them become plain types: a project then needs no zod, and its editor shows the fields.
 */
export async function tidyDeclarations(spec: PackageSpec, folder: string): Promise<void> {
  const dist = path.join(folder, 'dist');
  const texts = new Map<string, string>();
  const plain = new PlainTypes(path.join(folder, BUILD_CONFIG), path.join(folder, 'src'));
  try {
    const entries = Object.values(spec.exports).map((source) => source.replace(/\.ts$/, '.d.ts'));
    const reached = new Set(entries);
    for (const file of reached) {
      const written = await readFile(path.join(dist, file), 'utf8');
      const text = withJavaScriptNames(plain.replaceIn(file, written));
      texts.set(file, text);
      for (const next of ownFilesIn(file, text)) reached.add(next);
    }
  } finally {
    plain.close();
  }
  for await (const file of glob('**/*.d.ts{,.map}', { cwd: dist })) {
    const text = texts.get(file);
    if (text !== undefined) await writeFile(path.join(dist, file), text);
    else if (!texts.has(file.replace(/\.map$/, ''))) await rm(path.join(dist, file));
  }
}

/** `./job.ts` is `./job.js` in a package: next to it lies `./job.d.ts`. */
function withJavaScriptNames(text: string): string {
  return text.replace(/(\bfrom |\bimport\()(["'])(\.[^"']*)\.ts\2/g, '$1$2$3.js$2');
}

function ownFilesIn(file: string, text: string): string[] {
  return importedBy(file, text)
    .filter((name) => name.startsWith('.'))
    .map((name) => path.posix.join(path.posix.dirname(file), name.replace(/\.js$/, '.d.ts')));
}

/** What a declaration file imports. The parser does not list the types that are imported in the middle of a line. */
function importedBy(file: string, text: string): string[] {
  const inline = [...text.matchAll(/\bimport\(["']([^"']+)["']\)/g)].map(([, name]) => name ?? '');
  return [...specifiersIn(file, text).map(({ name }) => name), ...inline];
}

/** The packages that the files of `dist` import, those of the types included. */
export async function importsIn(folder: string): Promise<string[]> {
  const names = new Set<string>();
  for await (const file of glob('dist/**/*.{js,d.ts}', { cwd: folder })) {
    const text = await readFile(path.join(folder, file), 'utf8');
    for (const name of importedBy(file, text)) names.add(name);
  }
  return [...names];
}
