import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildEdge } from '../../dev/edge/build.ts';
import type { EdgeBundle } from '../../dev/edge/bundle.ts';
import { keepTemporaryFilesTogether } from '../suite/scratch.ts';

const built = new Map<string, Promise<EdgeBundle>>();

/**
 * The Worker's bundle, as a deployment would have it. It is built once, and removed at the end of this process.
 * @param entry another entry point, relative to the project
 */
export function edgeBundle(entry?: string): Promise<EdgeBundle> {
  const known = built.get(entry ?? '') ?? build(entry);
  built.set(entry ?? '', known);
  return known;
}

function build(entry: string | undefined): Promise<EdgeBundle> {
  keepTemporaryFilesTogether();
  return buildEdge(mkdtempSync(path.join(tmpdir(), 'throughline-bench-edge-')), entry);
}
