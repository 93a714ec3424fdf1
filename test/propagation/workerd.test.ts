import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cases, results } from './suite.ts';

let workerd: Miniflare;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('workerd-entry.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    external: ['node:*'],
    conditions: ['workerd', 'worker', 'browser'],
    write: false,
  });
  const suite = { type: 'esm' as const, contents: outputFiles[0]?.text ?? '' };
  workerd = new Miniflare({
    workers: [
      {
        config: {
          name: 'suite',
          compatibilityDate: '2026-10-20',
          compatibilityFlags: ['nodejs_compat'],
          manifest: { mainModule: 'suite.js', modulesRoot: '/', modules: { 'suite.js': suite } },
        },
      },
    ],
  });
  await workerd.ready;
});

afterAll(() => workerd?.dispose());

async function get(path: string): Promise<string> {
  const response = await workerd.dispatchFetch(`http://suite${path}`);
  const body = await response.text();
  if (!response.ok) throw new Error(body);
  return body;
}

test('workerd has the same rules, in the same order', async () => {
  expect(JSON.parse(await get('/'))).toEqual(cases.map(({ name }) => name));
});

test('both runtimes give the same outputs for the whole table', async () => {
  expect(JSON.parse(await get('/results'))).toEqual(results());
});

for (const [index, { name }] of cases.entries()) {
  test(`workerd: ${name}`, async () => {
    expect(await get(`/${index}`)).toBe('ok');
  });
}
