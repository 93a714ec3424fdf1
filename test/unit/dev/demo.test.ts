import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const DEMO = fileURLToPath(new URL('../../../dev/demo.ts', import.meta.url));

it('an option that the demo does not have is named, and nothing is started', async () => {
  const ended = await new Promise((resolve) => {
    execFile(process.execPath, [DEMO, '--nope'], (error, stdout, stderr) =>
      resolve({ code: error?.code, stdout, stderr }),
    );
  });
  expect(ended).toEqual({ code: 1, stdout: '', stderr: "error: unknown option '--nope'\n" });
});
