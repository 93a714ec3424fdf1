import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ERRORS } from '../../../shared/errors.ts';

const ROOT = new URL('../../../', import.meta.url);
const readme = readFileSync(new URL('README.md', ROOT), 'utf8');

it.each(['edge/config.ts', 'edge/access/settings.ts', 'edge/telemetry/settings.ts', 'worker-node/config.ts'])(
  'README names every setting of %s',
  (file) => {
    const source = readFileSync(new URL(file, ROOT), 'utf8');
    const settings = [...source.matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, name = '']) => name);
    // These two are bindings: `wrangler.toml` sets them.
    const named = settings.filter((name) => name !== 'BRIDGE' && name !== 'JOB_INDEX');
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !readme.includes(name))).toEqual([]);
  },
);

it('README names every error code', () => {
  expect(Object.keys(ERRORS).filter((code) => !readme.includes(`\`${code}\``))).toEqual([]);
});
