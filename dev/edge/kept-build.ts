import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { makeFolder } from '../../create/make-folder.ts';
import { makeTemporaryFolder } from '../../create/temporary-folder.ts';
import { cacheDirectory, hostEnvironment } from '../machine/environment.ts';
import { buildEdge, ROOT, scriptIn } from './build.ts';
import type { EdgeBundle } from './bundle.ts';

/** They say how the Worker is bundled, and which versions of its packages it has. */
const SETTINGS = [
  'wrangler.toml',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'edge/tsconfig.json',
];

/** The last bundle of an entry point. */
const Kept = z.object({
  /** The files from which it was made, relative to the project, and the digest of what was in them. */
  inputs: z.array(z.string()),
  digest: z.string(),
  script: z.string(),
  report: z.string(),
  compatibility: z.object({ date: z.string().optional(), flags: z.array(z.string()).readonly() }),
});
type Kept = z.infer<typeof Kept>;

/**
 * Gives the bundle that `buildEdge` makes. It keeps the last one of each clone and entry point in the cache folder, and builds
 * only when a file of it has changed since: a build takes seconds, and many stacks are started from the same files.
 * @param outDir the folder for the module, relative to the project
 * @param entry the entry point, relative to the project, if it is another than that of `wrangler.toml`
 * @throws ThroughlineError `internal` with wrangler's message when the build fails
 */
export async function keptEdge(outDir: string, entry?: string): Promise<EdgeBundle> {
  const place = path.join(cacheDirectory(hostEnvironment()), 'edge', `${nameOf(entry)}.json`);
  const kept = (await findKept(place)) ?? (await build(entry, place));
  const scriptPath = scriptIn(path.resolve(ROOT, outDir), entry);
  await makeFolder(path.dirname(scriptPath));
  await writeFile(scriptPath, kept.script);
  return { scriptPath, compatibility: kept.compatibility, report: kept.report };
}

/** One name for each clone and entry point, so that the cache has only the last bundle of each. */
function nameOf(entry = ''): string {
  return createHash('sha256').update(`${ROOT}\n${entry}`).digest('hex').slice(0, 16);
}

/** @returns undefined if there is none, or it is of other files, or of another version of this project */
async function findKept(place: string): Promise<Kept | undefined> {
  try {
    const kept = Kept.parse(JSON.parse(await readFile(place, 'utf8')));
    return kept.digest === (await digestOf(kept.inputs)) ? kept : undefined;
  } catch {
    return undefined;
  }
}

async function build(entry: string | undefined, place: string): Promise<Kept> {
  const directory = await makeTemporaryFolder('throughline-build-');
  const began = Date.now();
  try {
    const metafile = path.join(directory, 'meta.json');
    const { scriptPath, report, compatibility } = await buildEdge(directory, entry, metafile);
    const inputs = await inputsIn(metafile);
    const digest = await digestOf(inputs);
    const kept = { inputs, digest, script: await readFile(scriptPath, 'utf8'), report, compatibility };
    // A file that was written meanwhile may be another than the one in the bundle.
    if ((await lastWrite(inputs)) < began) await keep(kept, place).catch(() => undefined);
    return kept;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function inputsIn(metafile: string): Promise<string[]> {
  const { inputs } = JSON.parse(await readFile(metafile, 'utf8')) as { readonly inputs: object };
  return [...Object.keys(inputs), ...SETTINGS];
}

/** @returns when the last one of the files was written, in epoch milliseconds */
async function lastWrite(inputs: readonly string[]): Promise<number> {
  const stats = await Promise.all(inputs.map((name) => stat(path.resolve(ROOT, name))));
  return Math.max(...stats.map(({ mtimeMs }) => mtimeMs));
}

/** Others may look for it meanwhile, so it is put in its place as a whole. Without it the next start builds again. */
async function keep(kept: Kept, place: string): Promise<void> {
  const folder = path.dirname(place);
  await makeFolder(folder);
  const draft = await mkdtemp(path.join(folder, 'draft-'));
  try {
    await writeFile(path.join(draft, 'kept.json'), JSON.stringify(kept));
    await rename(path.join(draft, 'kept.json'), place);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** @throws Error if one of the files is not there */
async function digestOf(inputs: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  const texts = await Promise.all(inputs.map((name) => readFile(path.resolve(ROOT, name))));
  for (const [index, text] of texts.entries())
    hash.update(`\n${inputs[index]} ${text.length}\n`).update(text);
  return hash.digest('hex');
}
