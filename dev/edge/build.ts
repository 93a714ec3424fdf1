import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { hostEnvironment } from '../machine/environment.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CONFIG = path.join(ROOT, 'wrangler.toml');
const TIMEOUT_MS = 120_000;
/** Wrangler sends no usage data and asks no questions. */
const QUIET = { CI: 'true', WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' } as const;

/** What a deployment would upload. */
export interface EdgeBundle {
  /** The file with the one module of the Worker. */
  readonly scriptPath: string;
  readonly compatibility: Compatibility;
  /** What wrangler prints about the bundle, with its size. */
  readonly report: string;
}

/** The version of the Workers runtime that `wrangler.toml` asks for. */
interface Compatibility {
  readonly date: string | undefined;
  readonly flags: readonly string[];
}

/**
 * Bundles the Worker exactly as a deployment would, with `wrangler deploy --dry-run`.
 * @param outDir the folder for the module, relative to the project
 * @param entry the entry point, relative to the project, if it is another than that of `wrangler.toml`
 * @throws ThroughlineError `internal` with wrangler's message when the build fails
 */
export async function buildEdge(outDir: string, entry?: string): Promise<EdgeBundle> {
  const directory = path.resolve(ROOT, outDir);
  try {
    const [report, compatibility] = await Promise.all([bundle(directory, entry), readCompatibility()]);
    return {
      scriptPath: path.join(directory, `${path.parse(entry ?? 'main').name}.js`),
      compatibility,
      report,
    };
  } catch (cause) {
    throw new ThroughlineError('internal', `the edge does not build: ${describeThrown(cause)}`, { cause });
  }
}

async function bundle(directory: string, entry: string | undefined): Promise<string> {
  const wrangler = path.join(
    path.dirname(createRequire(import.meta.url).resolve('wrangler/package.json')),
    'bin/wrangler.js',
  );
  const script = entry === undefined ? [] : [entry];
  const { stdout } = await run(
    process.execPath,
    [wrangler, 'deploy', ...script, '--dry-run', '--outdir', directory],
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
