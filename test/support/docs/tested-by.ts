/**
 * Which test looks at which code block. By default `npm run test:docs` runs every `sh` block of every page and compiles every
 * `ts` block. A new page needs no line here, unless a test of its own runs its blocks.
 */

/** Pages whose blocks another test file runs. The file must name the page. */
export const RUN_ELSEWHERE: Readonly<Record<string, string>> = {
  'deploy/README.md': 'test/runbook/steps.runbook.ts',
  'docs/CALLERS.md': 'test/generators/callers.generators.ts',
  'docs/CARRIERS.md': 'test/carriers/clients.carriers.ts',
  'docs/CLIENTS.md': 'test/generators/clients.generators.ts',
  'docs/TESTING.md': 'test/unit/docs/guides.test.ts',
  'docs/TYPES.md': 'test/unit/docs/guides.test.ts',
  // It speaks to a project that has installed the packages.
  'docs/PACKAGES.md': 'test/packages/page.test.ts',
};

/** Blocks of other languages, by page and language, and the file that runs them. The file must name the page. */
export const OTHER_LANGUAGES: Readonly<Record<string, string>> = {
  'docs/GUARANTEES.md sql': 'test/e2e/worker/documented-sql.ts',
  'docs/HTTP-API.md js': 'test/unit/docs/verify-callback.test.ts',
};

/** Pages about the past: their commands are those of an earlier version. */
export const HISTORY: readonly string[] = ['CHANGELOG.md'];

/** Pages with a `sh not-run` block, and why no test can run it. Keep this list short. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  'docs/CHAOS.md': 'the fault suite takes about a quarter of an hour, and CI runs a part of it',
  'docs/PERFORMANCE.md': 'the whole bench takes an hour; CI runs `npm run bench -- --quick`',
  'docs/TRACING.md':
    'the system of the pages has no accounts that can be traced; test/e2e/trace/broker/broker-spans.test.ts runs the command',
};

/** What the reader of a fragment of TypeScript has around it. */
export const CONTEXTS: Readonly<Record<string, string>> = {
  'docs/GUARANTEES.md': `
import type { RunContext } from 'throughline/worker';
declare const db: { query(text: string, values: readonly unknown[]): Promise<{ rowCount: number | null }> };
declare const WRITE: string;
declare const file: string;
declare const job: RunContext<unknown>['job'];
`,
};
