/** The programs of docs/CALLERS.md: each submits a job, reads its events, and takes its callback, and no other. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startChild } from '../../dev/machine/child.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { callbackSecretsFor } from '../../shared/callback-secrets.ts';
import { callbackSecretKey, createCallbackSecret } from '../../shared/text/secret.ts';
import { signatureOf } from '../../worker-node/callbacks/signature.ts';
import { atEndOfFile } from '../support/cleanup.ts';
import { blockOf, blocksOf, fileOf, ROOT } from '../support/docs/pages.ts';
import { until } from '../support/poll.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { rustTarget, whyNoRust } from './rust.ts';
import { needPrograms, runShell, toolEnvironment } from './toolbox.ts';

const PAGE = 'docs/CALLERS.md';

interface Language {
  readonly name: string;
  readonly needs: readonly string[];
  readonly build?: string;
  /** The command that starts `receive`. */
  readonly receive: readonly [command: string, ...args: string[]];
}

const LANGUAGES: readonly Language[] = [
  { name: 'python', needs: ['python3'], receive: ['python3', 'receive.py'] },
  { name: 'typescript', needs: ['node'], receive: ['node', 'receive.ts'] },
  { name: 'go', needs: ['go'], build: 'go build -o receive-go receive.go', receive: ['./receive-go'] },
  {
    name: 'rust',
    needs: ['cargo'],
    build: 'cargo build --quiet && cp "$CARGO_TARGET_DIR/debug/receive" receive-rust',
    receive: ['./receive-rust'],
  },
];

const RUST_TARGET = rustTarget('callers');
const SETTINGS = { CALLBACK_SECRET: createCallbackSecret() };

let stack: TestStack;
let secret: string;
let folder: string;
const ports = new Map<string, number>();
beforeAll(async () => {
  for (const { name } of LANGUAGES) ports.set(name, await findFreePort());
  const allowed = [...ports.values()].map((port) => `http://127.0.0.1:${port}`);
  [secret = ''] = await callbackSecretsFor('demo', SETTINGS);
  stack = await startTestStack({ worker: { ...SETTINGS, CALLBACK_ALLOW: allowed.join(',') } });
  folder = await files();
});

/** The files of the page. The folder is inside the project, so that `throughline/client` resolves as it does for a reader. */
async function files(): Promise<string> {
  await mkdir(path.join(ROOT, '.throughline'), { recursive: true });
  const made = await mkdtemp(path.join(ROOT, '.throughline/callers-'));
  atEndOfFile(() => rm(made, { recursive: true, force: true }));
  for (const block of blocksOf(PAGE)) {
    const file = fileOf(block);
    if (file !== undefined) await writeFile(path.join(made, file), block.text);
  }
  return made;
}

const environmentOf = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  ...toolEnvironment(),
  THROUGHLINE_URL: stack.url,
  THROUGHLINE_API_KEY: stack.apiKey,
  CALLBACK_SECRET: secret,
  CARGO_TARGET_DIR: RUST_TARGET,
  ...more,
});

/** The headers of a callback that was signed with a secret at a time. */
function signed(by: string, body: string, ageSeconds = 0) {
  const id = 'job-1:end';
  const timestamp = Math.floor(Date.now() / 1_000) - ageSeconds;
  const key = callbackSecretKey(by) ?? new Uint8Array();
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,AAAA ${signatureOf({ id, timestamp, body }, [key])}`,
  };
}

const BODY = JSON.stringify({
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  data: { state: 'failed' },
});
const REFUSED = {
  'the secret of another tenant': () => signed(createCallbackSecret(), BODY),
  'another body': () => signed(secret, '{}'),
  'an old time': () => signed(secret, BODY, 1_000),
  'no signature': () => ({ 'webhook-id': '1' }),
  'a time that a shell may run': () => ({ ...signed(secret, BODY), 'webhook-timestamp': 'a[$(touch ran)]' }),
};

describe('the programs of the page', () => {
  it.for(LANGUAGES)('$name: call and receive do what the page says', async (language, { skip }) => {
    await needPrograms({ needs: language.needs }, skip);
    const why = language.name === 'rust' ? whyNoRust(RUST_TARGET) : undefined;
    if (why !== undefined) skip(why);
    const { name, build, receive } = language;
    const port = ports.get(name) ?? 0;
    if (build !== undefined) await runShell(build, folder, environmentOf());
    // Anybody can sign with an empty key.
    const unset = environmentOf({ PORT: String(port), CALLBACK_SECRET: '' });
    await expect(runShell(receive.join(' '), folder, unset)).rejects.toThrow('CALLBACK_SECRET is');
    const lines = await startReceiver(receive, port);
    const post = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: BODY, headers })).status;
    await until('the receiver to listen', async () => (await post({})) > 0);
    for (const [what, headers] of Object.entries(REFUSED))
      expect([what, await post(headers())]).toEqual([what, 401]);
    expect(await post(signed(secret, BODY))).toBe(204);

    const environment = environmentOf({ CALLBACK_URL: `http://127.0.0.1:${port}/` });
    const printed = await runShell(blockOf(PAGE, `sh ${name}`), folder, environment);
    expect(printed).toMatch(/^job succeeded \{"hello": ?"world"\}$/m);
    expect(printed).toMatch(/^event succeeded$/m);
    const traceId = /^trace ([0-9a-f]{32})$/m.exec(printed)?.[1] ?? '';
    await startedByCaller(traceId);
    await until('the callback', () => lines.includes(`callback succeeded ${traceId}`));
    expect(lines[0]).toBe(`callback failed ${'a'.repeat(32)}`);
    expect(lines).toHaveLength(2);
  });

  it('curl: call.sh does what the page says', async () => {
    const printed = await runShell(blockOf(PAGE, 'sh call.sh'), folder, environmentOf());
    expect(printed).toMatch(/"result":\{"hello":"world"\}/);
    expect(printed).toMatch(/^event: succeeded$/m);
    await startedByCaller(/^trace ([0-9a-f]{32})$/m.exec(printed)?.[1] ?? '');
  });

  it.for(['sh', 'bash'])('openssl: verify.sh takes only genuine callbacks in %s', async (shell, { skip }) => {
    await needPrograms({ needs: [shell] }, skip);
    await writeFile(path.join(folder, 'body'), BODY);
    const verified = (headers: Record<string, string>, by = secret): Promise<string> => {
      const pairs = Object.entries(headers).map(([name, value]) => [
        name.toUpperCase().replace('-', '_'),
        value,
      ]);
      const none = { WEBHOOK_ID: '', WEBHOOK_TIMESTAMP: '0', WEBHOOK_SIGNATURE: '', CALLBACK_SECRET: by };
      const script = { VERIFY: blockOf(PAGE, 'sh verify.sh'), ...Object.fromEntries(pairs) };
      return runShell(`${shell} -c "$VERIFY"`, folder, environmentOf({ ...none, ...script }));
    };
    for (const headers of Object.values(REFUSED)) expect(await verified(headers())).toBe('refused\n');
    expect(await verified(signed(secret, BODY))).toBe('genuine\n');
    // The signature of another callback of the tenant, whose text is cut elsewhere into id, time and body.
    const command = 'a[$(touch ran >&2)0]';
    const { 'webhook-timestamp': at, ...other } = signed(secret, `{"result":"x.${command}.y"}`);
    await writeFile(path.join(folder, 'body'), 'y"}');
    const id = `${other['webhook-id']}.${at}.{"result":"x`;
    expect(await verified({ ...other, 'webhook-id': id, 'webhook-timestamp': command })).toBe('refused\n');
    await expect(readFile(path.join(folder, 'ran'))).rejects.toThrow('ENOENT');
    await expect(verified({ ...signed(secret, BODY), 'webhook-signature': 'v1,' }, '')).rejects.toThrow(
      'MAC',
    );
  });
});

/** @returns the lines that it prints */
async function startReceiver([command, ...args]: Language['receive'], port: number): Promise<string[]> {
  const lines: string[] = [];
  const child = await startChild({
    command: 'sh',
    args: ['-c', 'cd "$0" && exec "$@"', folder, command, ...args],
    environment: environmentOf({ PORT: String(port) }),
    output: { onLine: (line) => line.startsWith('callback ') && lines.push(line) },
  });
  atEndOfFile(() => child.terminate(5_000));
  return lines;
}

/** Waits for the span of the request, and makes sure that the caller's span is its parent. */
async function startedByCaller(traceId: string): Promise<void> {
  const isServer = ({ kind, name }: { kind: string; name: string }) =>
    kind === 'SERVER' && name === 'POST /v1/jobs';
  const spans = await stack.collector.waitForSpans(traceId, (all) => all.some(isServer), 15_000);
  expect(spans.find(isServer)?.parentSpanId).toMatch(/^[0-9a-f]{16}$/);
}
