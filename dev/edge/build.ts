import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { hostEnvironment } from '../machine/environment.ts';
import type { Compatibility, EdgeBundle } from './bundle.ts';

const run = promisify(execFile);
/** The folder of the project. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CONFIG = path.join(ROOT, 'wrangler.toml');
const TIMEOUT_MS = 120_000;
/** Wrangler sends no usage data and asks no questions. */
const QUIET = { CI: 'true', WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' } as const;

/**
 * Bundles the Worker exactly as a deployment would, with `wrangler deploy --dry-run`.
 * @param outDir the folder for the module, relative to the project
 * @param entry the entry point, relative to the project, if it is another than that of `wrangler.toml`
 * @param metafile where esbuild writes from which files it made the bundle
 * @throws ThroughlineError `internal` with wrangler's message when the build fails
 */
export async function buildEdge(outDir: string, entry?: string, metafile?: string): Promise<EdgeBundle> {
  const directory = path.resolve(ROOT, outDir);
  const flags = metafile === undefined ? [] : ['--metafile', metafile];
  try {
    const [report, compatibility] = await Promise.all([bundle(directory, entry, flags), readCompatibility()]);
    return { scriptPath: scriptIn(directory, entry), compatibility, report };
  } catch (cause) {
    throw new ThroughlineError('internal', `the edge does not build: ${describeThrown(cause)}`, { cause });
  }
}

/** The file of a bundle in its folder. */
export function scriptIn(directory: string, entry: string | undefined): string {
  return path.join(directory, `${path.parse(entry ?? 'main').name}.js`);
}

async function bundle(
  directory: string,
  entry: string | undefined,
  flags: readonly string[],
): Promise<string> {
  const wrangler = path.join(
    path.dirname(createRequire(import.meta.url).resolve('wrangler/package.json')),
    'bin/wrangler.js',
  );
  const script = entry === undefined ? [] : [entry];
  const { stdout } = await run(
    process.execPath,
    [wrangler, 'deploy', ...script, '--dry-run', '--outdir', directory, ...flags],
    {
      cwd: ROOT,
      timeout: TIMEOUT_MS,
      env: { ...hostEnvironment(), ...QUIET },
    },
  );
  return stdout.trim();
}

async function readCompatibility(): Promise<Compatibility> {
  // Wrangler takes more than half a second to load, so it is loaded only for a build.
  const { unstable_readConfig: readConfig } = await import('wrangler');
  const { compatibility_date, compatibility_flags } = readConfig({ config: CONFIG });
  return { date: compatibility_date, flags: compatibility_flags };
}
