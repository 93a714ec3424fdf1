import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { withTestStack } from '../support/stack.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CLI = path.join(ROOT, 'cli/main.ts');

/** The fenced block of the README whose info string is `info`. */
async function block(info: string): Promise<string> {
  const readme = await readFile(path.join(ROOT, 'README.md'), 'utf8');
  const [, text] = readme.split(`\`\`\`${info}\n`);
  if (text === undefined) throw new Error(`README.md has no block "${info}"`);
  return text.slice(0, text.indexOf('```'));
}

it("README's operation and call work as they are written", async () => {
  // Inside the project, so that `throughline/worker` resolves as it does for a reader.
  await mkdir(path.join(ROOT, '.throughline'), { recursive: true });
  const folder = await mkdtemp(path.join(ROOT, '.throughline/readme-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, 'greet.ts'), await block('ts operations/greet.ts'));
  const stack = await withTestStack({ operationsFolder: folder });

  const call = (await block('sh call')).trim();
  expect(call.startsWith('npx throughline ')).toBe(true);
  const command = call.replace('npx throughline', `"${process.execPath}" "${CLI}"`);
  const env = { ...process.env, THROUGHLINE_URL: stack.url, THROUGHLINE_API_KEY: stack.apiKey };
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} --json`], { env });
  expect(JSON.parse(stdout)).toMatchObject({
    operation: 'greet',
    state: 'succeeded',
    result: { greeting: 'Hello, Ada!' },
  });
});
