import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import { unstable_readConfig as readConfig } from 'wrangler';
import { buildEdge } from '../../dev/edge/build.ts';

const config = readConfig({ config: 'wrangler.toml' });

/** The file of the package that holds the whole Worker, as `wrangler deploy` would upload it. */
const STANDALONE = 'dist/standalone.js';

/** How the edge is bundled: as wrangler does it, with the aliases of wrangler.toml. */
export const EDGE_OPTIONS: BuildOptions = {
  platform: 'browser',
  conditions: ['workerd', 'worker', 'browser'],
  mainFields: ['browser', 'module', 'main'],
  external: ['cloudflare:*', 'node:*', 'hono', 'hono/*'],
  // Nothing reads the name of a function or a class at run time.
  keepNames: false,
  plugins: [aliases(config.alias ?? {}), requiredModules()],
};

/** The version of the Workers runtime that the edge is for. */
export const WORKERD = { date: config.compatibility_date, flags: config.compatibility_flags };

/** esbuild's own aliases are for names of packages only. wrangler.toml also has paths, as they stand in an import. */
function aliases(targets: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'aliases of wrangler.toml',
    setup({ onResolve }) {
      onResolve({ filter: /.*/ }, ({ path: name }) => {
        const target = targets[name];
        return target === undefined ? undefined : { path: path.resolve(target) };
      });
    },
  };
}

/**
 * A file in CommonJS calls `require` for a module of the runtime, which an ES module has not. It gets a module that imports
 * it, as wrangler does.
 */
function requiredModules(): Plugin {
  return {
    name: 'modules of the runtime',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^(?:node:)?(?:async_hooks|events|buffer)$/ }, ({ kind, path: name }) => {
        const module = `node:${name.replace(/^node:/, '')}`;
        return kind === 'require-call'
          ? { path: module, namespace: 'required' }
          : { path: module, external: true };
      });
      onLoad({ filter: /.*/, namespace: 'required' }, ({ path: name }) => ({
        contents: `import module_ from ${JSON.stringify(name)};\nmodule.exports = module_;\n`,
        loader: 'js',
      }));
    },
  };
}

/** Adds the Worker in one file, for `throughline dev`, and for a wrangler.toml that names it as `main`. */
export async function addStandalone(folder: string): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-edge-'));
  try {
    const { scriptPath } = await buildEdge(directory);
    await copyFile(scriptPath, path.join(folder, STANDALONE));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
