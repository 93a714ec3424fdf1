import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { scratchFolder } from '../../support/cleanup.ts';
import { type Ended, runLocal } from '../../support/cli/process.ts';
import { withTestStack } from '../../support/stack.ts';

const API = new URL('../../../worker-node/index.ts', import.meta.url).href;
const DEFINITION =
  "name: 'own', input: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }, run: () => 7";

/** Starts a worker host with one operation file, which should keep it from starting. */
async function worker(
  text: string,
  environment: Record<string, string> = {},
): Promise<Ended & { readonly file: string }> {
  const folder = await scratchFolder();
  const file = path.join(folder, 'own.mjs');
  await writeFile(file, `import { defineOperation } from ${JSON.stringify(API)};\n${text}`);
  return {
    file,
    ...(await runLocal(['worker', folder], {
      HEALTH_PORT: '0',
      NATS_URL: 'nats://127.0.0.1:1',
      ...environment,
    })),
  };
}

it.each<[string, string, number, string]>([
  ['a syntax error', 'export const a = ;', 2, "cannot be loaded: Unexpected token ';'"],
  ['a throw', '\nthrow new Error("not today");', 3, 'cannot be loaded: not today'],
  ['a call of process.exit', '\nprocess.exit(0);', 3, 'cannot be loaded: process.exit(0) was called'],
  [
    'a global Promise of its own',
    'globalThis.Promise = { resolve() {} };',
    2,
    'cannot be loaded: the global Promise was to be replaced by one that has no Promise.withResolvers',
  ],
  [
    'a top-level await that never settles',
    'await new Promise(() => {});',
    2,
    'will never load: it awaits something that does not settle',
  ],
  [
    'a setting that does not exist',
    `export default defineOperation({ ${DEFINITION}, maxattempts: 3 });`,
    2,
    'cannot be loaded: operation own: there is no setting "maxattempts"; did you mean maxAttempts?',
  ],
  [
    'pauses that make no sense',
    `export default defineOperation({ ${DEFINITION}, retry: { minDelayMs: 5000, maxDelayMs: 50 } });`,
    2,
    'cannot be loaded: operation own: retry must be',
  ],
])(
  'a worker whose operation file has %s does not start, and names file and line',
  async (_what, text, line, sentence) => {
    for (const environment of [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }]) {
      const { code, stderr, file } = await worker(text, environment);
      expect(stderr).toContain(`${file}:${line} ${sentence}`);
      expect(stderr).not.toContain('    at ');
      expect(code).toBe(78);
    }
  },
);

it('a worker says which operations lie where it does not load them, and starts with the others', async () => {
  const stack = await withTestStack({ operationsFolder: 'test/fixtures/misplaced', tracing: false });
  expect(await stack.run('test.common', null)).toMatchObject({ state: 'succeeded', result: 'from CommonJS' });
  const remarks = await stack.logged(({ msg }) => String(msg).includes('is not loaded'));
  expect(remarks).toMatchObject([
    {
      level: 'warn',
      msg: expect.stringMatching(
        /misplaced\/deeper\/lost\.ts defines an operation that is not loaded: only the files/,
      ),
    },
  ]);
});
