import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ERROR_CODES } from '../../../shared/errors.ts';
import { TESTED_SERVERS } from '../../support/nats/servers.ts';

const ROOT = new URL('../../../', import.meta.url);

it('docs/HTTP-API.md names every error code', () => {
  const page = readFileSync(new URL('docs/HTTP-API.md', ROOT), 'utf8');
  expect(ERROR_CODES.filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
});

it('deploy/README.md names every version of nats-server that is tested', () => {
  const table = readFileSync(new URL('deploy/README.md', ROOT), 'utf8');
  const named = [...table.matchAll(/^\| (\S+) \| .*`npm run test:nats`/gm)].map(([, version]) => version);
  expect(named.toSorted()).toEqual([...new Set(TESTED_SERVERS.map(({ version }) => version))].toSorted());
});
