/** The sizes in docs/PACKAGES.md, and that a bundler leaves out what a program does not import. */
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { ROOT } from '../support/docs/pages.ts';

async function bundled(contents: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    external: ['@opentelemetry/api'],
    write: false,
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}

const gzipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;

test('extract and inject have at most 4.2 kB after gzip, and no carrier that nobody imports', async () => {
  const code = await bundled("export { extract, inject } from './shared/propagation/index.ts';");
  expect(gzipped(code)).toBeLessThanOrEqual(4_200);
  expect(new TextDecoder().decode(code)).not.toMatch(/StringValue|toUpperCase|\\\*\/|instanceof Map/);
});

test('all carriers together have at most 5.5 kB after gzip', async () => {
  expect(gzipped(await bundled("export * from './shared/propagation/index.ts';"))).toBeLessThanOrEqual(5_500);
});
