import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { scratchFolder } from '../../support/cleanup.ts';

/** The first line of the log of a worker whose folder has one file of operations. */
async function firstLine(code: string): Promise<{ folder: string; line: Record<string, unknown> }> {
  const folder = await scratchFolder();
  await writeFile(path.join(folder, 'blocked.mjs'), code);
  const child = spawn(process.execPath, ['cli/start.mjs', 'worker', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = await once(createInterface(child.stdout), 'line');
  return { folder, line: JSON.parse(String(line)) };
}

describe('a worker whose operations are not loaded because their code runs without a pause', () => {
  it('says which line of which file that is', async () => {
    const { folder, line } = await firstLine('let turns = 0;\nwhile (true) turns++;\n');
    expect(line).toMatchObject({
      level: 'error',
      msg: 'a file of operations runs without a pause while it is loaded: the worker does not start',
      folder,
      at: `anonymous (${folder}/blocked.mjs:2)`,
    });
  });

  it('says the folder if the code waits inside Node, where no line can be known', async () => {
    const wait = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';
    const { folder, line } = await firstLine(wait);
    expect(line).toMatchObject({ level: 'error', folder });
  });
});
