import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { blockOf } from '../support/docs/pages.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { needPrograms, prepare, runShell, type Toolbox } from './toolbox.ts';

interface Client extends Toolbox {
  /** The language of its program in the page, and the file that the program goes to. */
  readonly language: string;
  readonly program: string;
}

const PYTHON: Client = {
  generator: 'openapi-python-client',
  needs: ['python3'],
  install: 'python3 -m venv venv\nvenv/bin/python -m pip install --quiet --requirement requirements.txt',
  onPath: 'venv/bin',
  language: 'python',
  program: 'program.py',
};

const CLIENTS: readonly Client[] = [
  {
    generator: 'openapi-typescript',
    needs: ['node', 'npm'],
    install: 'npm ci --no-audit --no-fund',
    linked: 'node_modules',
    language: 'ts',
    program: 'program.ts',
  },
  PYTHON,
  { generator: 'oapi-codegen', needs: ['go'], language: 'go', program: 'main.go' },
  { generator: 'ogen', needs: ['go'], language: 'go', program: 'main.go' },
];

const PAGE = 'docs/CLIENTS.md';

/** What the program of each client prints, in any language's own way to write a list or an object. */
const PRINTED = [
  /^submitted succeeded .*hello.*world/m,
  /^read succeeded 1$/m,
  /^listed true$/im,
  /^event succeeded$/m,
  /^batch 202 queued$/m,
  /^batch 422 operation-unknown$/m,
  /^problem 422 operation-unknown .*echo/m,
];

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ tracing: false });
});

describe('a client that a generator makes from the document', () => {
  it.for(CLIENTS)(
    '$generator: compiles, and its program in docs/CLIENTS.md works',
    async (client, { skip }) => {
      const { generator, language, program } = client;
      await needPrograms(client, skip);
      const { folder, environment } = await workplace(client);
      await writeFile(path.join(folder, program), blockOf(PAGE, `${language} ${generator}`));
      const printed = await runShell(blockOf(PAGE, `sh ${generator}`), folder, environment);
      for (const line of PRINTED) expect(printed).toMatch(line);
    },
  );
});

describe('the document', () => {
  it('is valid OpenAPI 3.1, as openapi-spec-validator reads the specification', async ({ skip }) => {
    await needPrograms(PYTHON, skip);
    const { folder, environment } = await workplace(PYTHON);
    const printed = await runShell('python -m openapi_spec_validator openapi.json', folder, environment);
    expect(printed).toContain('openapi.json: OK');
  });
});

/** A folder with the document and what the toolbox needs, and the environment to run commands there. */
async function workplace(
  toolbox: Toolbox,
): Promise<{ readonly folder: string; readonly environment: NodeJS.ProcessEnv }> {
  const folder = await mkdtemp(path.join(tmpdir(), `throughline-${toolbox.generator}-`));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const environment = await prepare(toolbox, folder);
  const caller = { ...environment, THROUGHLINE_URL: stack.url, THROUGHLINE_API_KEY: stack.apiKey };
  await runShell(blockOf(PAGE, 'sh document'), folder, caller);
  return { folder, environment: caller };
}
