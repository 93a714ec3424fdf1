import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { scratchFolder } from '../../support/cleanup.ts';

const SCRIPT = fileURLToPath(new URL('../../../scripts/check-boundaries.ts', import.meta.url));

interface Outcome {
  readonly exitCode: number;
  readonly faults: string;
}

/** Runs the check on a project of these files. */
async function check(files: Readonly<Record<string, string>>): Promise<Outcome> {
  const root = await scratchFolder();
  for (const [file, source] of Object.entries(files)) {
    await mkdir(path.join(root, path.dirname(file)), { recursive: true });
    await writeFile(path.join(root, file), source);
  }
  return await new Promise((resolve) => {
    execFile(process.execPath, [SCRIPT], { cwd: root }, (error, _stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), faults: stderr });
    });
  });
}

it.each([
  {
    rule: 'a type import of a room above',
    files: { 'edge/nats/a.ts': "import type { B } from '../bridge/b.ts';", 'edge/bridge/b.ts': '' },
    fault: 'edge/nats/a.ts imports edge/bridge/b.ts, which is not below it',
  },
  {
    rule: 'an import between rooms on one level',
    files: { 'edge/http/app.ts': "export * from '../bridge/b.ts';", 'edge/bridge/b.ts': '' },
    fault: 'edge/http/app.ts imports edge/bridge/b.ts, which is not below it',
  },
  {
    rule: 'a client of NATS outside its room',
    files: { 'worker-node/jobs/a.ts': "import type { JsMsg } from '@nats-io/jetstream';" },
    fault: 'worker-node/jobs/a.ts imports @nats-io/jetstream: only worker-node/broker/ may',
  },
  {
    rule: 'a module of Node in shared/',
    files: { 'shared/text/a.ts': "import 'node:fs';" },
    fault: 'shared/text/a.ts imports node:fs',
  },
  {
    rule: 'the edge that imports the worker',
    files: { 'edge/main.ts': "await import('../worker-node/host.ts');", 'worker-node/host.ts': '' },
    fault: 'edge/main.ts imports worker-node/host.ts',
  },
  {
    rule: 'a file in no room',
    files: { 'edge/loose.ts': '' },
    fault: 'edge/loose.ts is in no room of edge/',
  },
  {
    rule: 'a folder with more than 15 files',
    files: Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`cli/text/file-${index}.ts`, ''])),
    fault: 'cli/text/ has 16 files of its own; at most 15',
  },
])('the boundary check refuses $rule', async ({ files, fault }) => {
  const { exitCode, faults } = await check(files);
  expect(faults).toContain(fault);
  expect(exitCode).toBe(1);
});
