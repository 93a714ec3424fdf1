import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { hostEnvironment } from '../host-environment.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TIMEOUT_MS = 120_000;

export interface EdgeBundle {
  /** The one module of the Worker. */
  readonly scriptPath: string;
  /** What wrangler says of it, with its size. */
  readonly report: string;
}

/**
 * Bundles the Worker exactly as a deployment would, with `wrangler deploy --dry-run`.
 * @param outDir where the module goes, relative to the project
 * @throws ThroughlineError `internal` with wrangler's words when it does not build
 */
export async function buildEdge(outDir: string): Promise<EdgeBundle> {
  const wrangler = path.join(
    path.dirname(createRequire(import.meta.url).resolve('wrangler/package.json')),
    'bin/wrangler.js',
  );
  const directory = path.resolve(ROOT, outDir);
  try {
    const { stdout } = await run(process.execPath, [wrangler, 'deploy', '--dry-run', '--outdir', directory], {
      cwd: ROOT,
      timeout: TIMEOUT_MS,
      env: { ...hostEnvironment(), ...QUIET },
    });
    return { scriptPath: path.join(directory, 'main.js'), report: stdout.trim() };
  } catch (cause) {
    throw new ThroughlineError('internal', `the edge does not build: ${describeThrown(cause)}`, { cause });
  }
}

/** Nothing is sent home, and nothing is asked. */
const QUIET = { CI: 'true', WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' } as const;
