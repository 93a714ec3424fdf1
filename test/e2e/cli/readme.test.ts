import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { findFreePort } from '../../../dev/nats-server/free-port.ts';
import { callbackSecretKey, createCallbackSecret } from '../../../shared/text/secret.ts';
import { signatureOf } from '../../../worker-node/callbacks/signature.ts';
import { withTestStack } from '../../support/stack.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CLI = path.join(ROOT, 'cli/main.ts');

/** The fenced block of a page whose info string is `info`. */
async function block(page: string, info: string): Promise<string> {
  const [, text] = (await readFile(path.join(ROOT, page), 'utf8')).split(`\`\`\`${info}\n`);
  if (text === undefined) throw new Error(`${page} has no block "${info}"`);
  return text.slice(0, text.indexOf('```'));
}

/** A stack with the README's operation, and a way to run the README's commands against it. */
async function reader() {
  // Inside the project, so that `throughline/worker` resolves as it does for a reader.
  await mkdir(path.join(ROOT, '.throughline'), { recursive: true });
  const folder = await mkdtemp(path.join(ROOT, '.throughline/readme-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(
    path.join(folder, 'greet.ts'),
    await block('docs/GETTING-STARTED.md', 'ts operations/greet.ts'),
  );
  const callbackPort = await findFreePort();
  const worker = { CALLBACK_ALLOW: `http://127.0.0.1:${callbackPort}` };
  const stack = await withTestStack({ operationsFolder: folder, worker });
  const env = { ...process.env, THROUGHLINE_URL: stack.url, THROUGHLINE_API_KEY: stack.apiKey };
  return async (commands: string): Promise<string> => {
    const script = commands
      .replaceAll('npx throughline', `"${process.execPath}" "${CLI}"`)
      .replaceAll('9000', String(callbackPort));
    const node = `node() { "${process.execPath}" "$@"; }`;
    return (await promisify(execFile)('sh', ['-e', '-c', `${node}\n${script}`], { env })).stdout;
  };
}

it("README's operation and call work as written", async () => {
  const run = await reader();
  const call = (await block('docs/GETTING-STARTED.md', 'sh call')).trim();
  expect(call.startsWith('npx throughline ')).toBe(true);
  expect(JSON.parse(await run(`${call} --json`))).toMatchObject({
    operation: 'greet',
    state: 'succeeded',
    result: { greeting: 'Hello, Ada!' },
  });
});

it("README's tour works as written: delay, cancel, dead letter, redrive, callback, key", async () => {
  const run = await reader();
  const said = await run(await block('docs/GETTING-STARTED.md', 'sh tour'));
  expect(said).toMatch(/state +cancelled/);
  expect(said).toContain('"kind":"cancelled"');
  expect(said).toContain('exit code 1: it did not succeed');
  expect(said).toContain('exit code 1: it did not either');
  expect(said).toMatch(/target-refused/);
  expect(said).toContain('1 redriven');
  expect(said).toContain('"type":"dev.throughline.job.succeeded"');
  expect(said).toMatch(/tl_ci_[A-Za-z0-9_-]{20,}/);
});

it("README's code to verify a callback accepts only genuine ones", async () => {
  const code = (await block('docs/HTTP-API.md', 'js verify')).trim();
  const { isGenuine } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    isGenuine: (secret: string, headers: Record<string, string>, body: string) => boolean;
  };
  const [secret, other] = [createCallbackSecret(), createCallbackSecret()];
  const keys = [other, secret].map((text) => callbackSecretKey(text) ?? new Uint8Array());
  const timestamp = Math.floor(Date.now() / 1_000);
  const signed = (at: number): Record<string, string> => ({
    'webhook-id': 'job-1:end',
    'webhook-timestamp': String(at),
    'webhook-signature': signatureOf({ id: 'job-1:end', timestamp: at, body: '{}' }, keys),
  });
  expect(isGenuine(secret, signed(timestamp), '{}')).toBe(true);
  expect(isGenuine(secret, signed(timestamp), '[]')).toBe(false);
  expect(isGenuine(createCallbackSecret(), signed(timestamp), '{}')).toBe(false);
  expect(isGenuine(secret, signed(timestamp - 1_000), '{}')).toBe(false);
  expect(isGenuine(secret, {}, '{}')).toBe(false);
});
