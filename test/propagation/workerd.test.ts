import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runBundled } from '../../dev/edge/run-bundled.ts';
import { cases, results } from './suite.ts';

let workerd: Miniflare;

beforeAll(async () => {
  workerd = await runBundled(new URL('workerd-entry.ts', import.meta.url));
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
