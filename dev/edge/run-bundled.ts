import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';

/**
 * Bundles a small Worker and starts it in workerd, without bindings.
 * @param entry its file
 * @param inspect whether an inspector (DevTools protocol) listens at a free port
 * @returns the running Worker; the caller disposes of it
 */
export async function runBundled(entry: URL, inspect = false): Promise<Miniflare> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    external: ['node:*'],
    conditions: ['workerd', 'worker', 'browser'],
    write: false,
  });
  const main = { type: 'esm' as const, contents: outputFiles[0]?.text ?? '' };
  const config = {
    name: 'bundled',
    compatibilityDate: '2026-10-20',
    compatibilityFlags: ['nodejs_compat'],
    manifest: { mainModule: 'main.js', modulesRoot: '/', modules: { 'main.js': main } },
  };
  const miniflare = new Miniflare({ workers: [{ config }], ...(inspect ? { inspectorPort: 0 } : {}) });
  await miniflare.ready;
  return miniflare;
}
