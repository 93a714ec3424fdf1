import path from 'node:path';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOSTILE_FAMILIES } from '../../support/hostile-schemas.ts';
import { checkFamily } from './check-family.ts';

let workerd: Miniflare;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, 'workerd-entry.ts')],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    write: false,
  });
  const main = { type: 'esm' as const, contents: outputFiles[0]?.text ?? '' };
  workerd = new Miniflare({
    workers: [
      {
        config: {
          name: 'check',
          compatibilityDate: '2026-10-20',
          manifest: { mainModule: 'main.js', modulesRoot: '/', modules: { 'main.js': main } },
        },
      },
    ],
  });
  await workerd.ready;
});

afterAll(() => workerd?.dispose());

describe('in workerd', () => {
  // Its stack is smaller than that of Node, and its clock stands still.
  it.each(HOSTILE_FAMILIES.map((family, index) => [family.name, family, index] as const))(
    'the check takes the same steps as in Node: %s',
    async (_name, family, index) => {
      const response = await workerd.dispatchFetch(`http://check/${index}/1000`);
      expect(await response.json()).toEqual(checkFamily(family, 1_000));
      expect(checkFamily(family, 1_000).outcome).not.toBe('failed');
    },
  );
});
