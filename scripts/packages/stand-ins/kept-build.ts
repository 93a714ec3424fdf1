import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Compatibility, EdgeBundle } from '../../../dev/edge/bundle.ts';

const MANIFEST = createRequire(import.meta.url).resolve('@throughline/edge/package.json');

/** Gives the Worker as the package `@throughline/edge` has it: in one file. Nothing is built. */
export async function keptEdge(_outDir: string): Promise<EdgeBundle> {
  const { workerd } = JSON.parse(await readFile(MANIFEST, 'utf8')) as { readonly workerd: Compatibility };
  const scriptPath = path.join(path.dirname(MANIFEST), 'dist/standalone.js');
  return { scriptPath, compatibility: workerd, report: `the edge is ${scriptPath}` };
}
