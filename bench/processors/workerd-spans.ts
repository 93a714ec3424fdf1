import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { residentMib, workerdPid } from '../support/measure.ts';

/**
 * Makes spans in workerd and sends them through the processor of the edge, one request for each part of them.
 * @param url the collector
 * @param parts how many spans each request makes
 * @returns the resident memory of workerd after each request, in MiB
 */
export async function sendInWorkerd(url: string, parts: readonly number[]): Promise<number[]> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('span-worker.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    external: ['node:*'],
    conditions: ['workerd', 'worker', 'browser'],
    write: false,
  });
  const main = { type: 'esm' as const, contents: outputFiles[0]?.text ?? '' };
  const config = {
    name: 'spans',
    compatibilityDate: '2026-10-20',
    compatibilityFlags: ['nodejs_compat'],
    manifest: { mainModule: 'main.js', modulesRoot: '/', modules: { 'main.js': main } },
  };
  const miniflare = new Miniflare({ workers: [{ config }] });
  try {
    await miniflare.ready;
    const memory: number[] = [];
    for (const spans of parts) {
      const query = new URLSearchParams({ collector: url, spans: String(spans) });
      const response = await miniflare.dispatchFetch(`http://spans/?${query}`);
      if (!response.ok) throw new Error(await response.text());
      memory.push(residentMib(workerdPid()));
    }
    return memory;
  } finally {
    await miniflare.dispose();
  }
}
