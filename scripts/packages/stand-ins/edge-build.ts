import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

const MANIFEST = createRequire(import.meta.url).resolve('@throughline/edge/package.json');

/** What a deployment would upload. */
export interface EdgeBundle {
  /** The file with the one module of the Worker. */
  readonly scriptPath: string;
  readonly compatibility: Compatibility;
  /** A sentence about the bundle. */
  readonly report: string;
}

/** The version of the Workers runtime that the edge is for. */
interface Compatibility {
  readonly date: string | undefined;
  readonly flags: readonly string[];
}

/** Gives the Worker as the package `@throughline/edge` has it: in one file. Nothing is built. */
export async function buildEdge(_outDir: string): Promise<EdgeBundle> {
  const { workerd } = JSON.parse(await readFile(MANIFEST, 'utf8')) as { readonly workerd: Compatibility };
  const scriptPath = path.join(path.dirname(MANIFEST), 'dist/standalone.js');
  return { scriptPath, compatibility: workerd, report: `the edge is ${scriptPath}` };
}
