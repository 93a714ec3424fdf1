import { writeFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import type { NatsServer, NatsServerOptions } from '../../../dev/nats-server/start.ts';
import { openSession } from '../../../edge/nats/nats-session.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { runLocal } from '../../support/cli/process.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { newOperator } from '../../support/nats/operator.ts';
import { proxyTo } from '../../support/nats/proxy-to.ts';
import { silentServer } from '../../support/silent-server.ts';
import { withTestStack } from '../../support/stack.ts';

/** A password of characters that mean something in a URL. */
const PASSWORD = 'hidden/p@s:s,%#?';
const ENCODED = encodeURIComponent(PASSWORD);
const USERS = `authorization { users: [{ user: ann, password: ${JSON.stringify(PASSWORD)} }] }`;
const BROKER_TIMEOUT_MS = 20_000;

async function nats(options: Omit<NatsServerOptions, 'binary'> = {}): Promise<NatsServer> {
  const server = await startTestNats(options);
  onTestFinished(() => server.stop());
  return server;
}

const withLogin = (url: string, login: string): string => url.replace('://', `://${login}@`);
const hostOf = (url: string): string => new URL(url).host;
/** A time, in epoch seconds. */
const inSeconds = (seconds: number): number => Math.ceil(Date.now() / 1_000) + seconds;

describe('a user and a password in NATS_URL', () => {
  it('log in the edge, the worker and the setup, and are never shown', async () => {
    const server = await nats({ extraConfig: USERS });
    const login = `ann:${ENCODED}`;
    const stack = await withTestStack({
      nats: server,
      debug: true,
      edge: { NATS_URL: withLogin(server.webSocketUrl, login), LOG_LEVEL: 'debug' },
      worker: { NATS_URL: withLogin(server.url, login), LOG_LEVEL: 'debug' },
    });
    expect(await stack.run('echo', 'hello')).toMatchObject({ state: 'succeeded' });
    const setup = await runLocal(['setup', '--check', '--json', '--debug'], {
      NATS_URL: withLogin(server.url, login),
    });
    expect(setup.code).toBe(0);
    await stack.stop();
    const shown = [...stack.lines, JSON.stringify(stack.collector.allSpans()), setup.stdout, setup.stderr];
    expect(shown.filter((text) => text.includes('hidden'))).toEqual([]);
  });

  it.each([
    ['worker', ['worker', '--debug']],
    ['setup', ['setup', '--debug']],
  ])('that NATS refuses are not shown by the %s', async (_name, args) => {
    const server = await nats({ extraConfig: USERS });
    const url = withLogin(server.url, 'ann:hidden-wrong');
    const { code, stderr, stdout } = await runLocal(args, { NATS_URL: url, HEALTH_PORT: '0' });
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(`cannot connect to NATS at ${server.url}: Authorization Violation`);
    expect(stderr + stdout).not.toContain('hidden');
  });

  it('may be a token alone', async () => {
    const server = await nats({ extraConfig: 'authorization { token: "hidden token" }' });
    const setup = (login: string) => runLocal(['setup'], { NATS_URL: withLogin(server.url, login) });
    expect((await setup('hidden%20token')).code).toBe(0);
    expect((await setup('another')).stderr).toContain('Authorization Violation');
  });
});

describe('a list of servers in NATS_URL', () => {
  it('costs no request the time limit of a silent first server, on any side', async () => {
    const server = await nats();
    const silent = await silentServer();
    const stack = await withTestStack({
      nats: server,
      edge: {
        NATS_URL: `ws://${silent},${server.webSocketUrl}`,
        BROKER_TIMEOUT_MS: String(BROKER_TIMEOUT_MS),
        BRIDGE_SHARDS: '4',
      },
      worker: { NATS_URL: `nats://${silent},${server.url}` },
    });
    const startedAt = performance.now();
    const jobs = await Promise.all(Array.from({ length: 12 }, (_, n) => stack.run('echo', n)));
    expect(new Set(jobs.map(({ state, durability }) => `${state} ${durability}`))).toEqual(
      new Set(['succeeded stream']),
    );
    expect(performance.now() - startedAt).toBeLessThan(BROKER_TIMEOUT_MS);
  });

  it('is tried again from its start after a loss, so that a server that was away at first is used too', async () => {
    const storeDir = await scratchFolder();
    const port = await findFreePort();
    const webSocketPort = await findFreePort();
    const first = await nats({ storeDir });
    const stack = await withTestStack({
      nats: first,
      edge: { NATS_URL: `ws://127.0.0.1:${webSocketPort},${first.webSocketUrl}` },
      worker: { NATS_URL: `nats://127.0.0.1:${port},${first.url}` },
    });
    expect(await stack.run('echo', 1)).toMatchObject({ state: 'succeeded' });
    await first.stop();
    await nats({ storeDir, port, webSocketPort });
    expect(await stack.run('echo', 2)).toMatchObject({ state: 'succeeded' });
  });

  it('is named without its secrets when no server answers', async () => {
    const list = `nats://ann:${ENCODED}@127.0.0.1:1,nats://127.0.0.1:2`;
    const { stderr } = await runLocal(['setup', '--debug'], { NATS_URL: list });
    expect(stderr).toContain('cannot connect to NATS at nats://127.0.0.1:1, nats://127.0.0.1:2: ');
    expect(stderr).not.toContain('hidden');
  });
});

describe('the scheme of NATS_URL', () => {
  it('ws:// connects a worker over WebSocket', async () => {
    const server = await nats();
    const stack = await withTestStack({ nats: server, worker: { NATS_URL: server.webSocketUrl } });
    expect(await stack.run('echo', 1)).toMatchObject({ state: 'succeeded' });
  });

  it('tls:// sends no password to a server that does not encrypt', async () => {
    const server = await nats({ extraConfig: USERS });
    const url = `tls://ann:${ENCODED}@${hostOf(server.url)}`;
    const { code, stderr } = await runLocal(['setup'], { NATS_URL: url });
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain('the server does not encrypt');
  });

  it.each<[string, (server: NatsServer) => string, string]>([
    ['ws:// on the port for clients', ({ url }) => `ws://${hostOf(url)}`, 'no WebSocket opens there'],
    [
      'wss:// on a port of ws://',
      (server) => `wss://${hostOf(server.webSocketUrl)}`,
      'no WebSocket opens there',
    ],
    ['nats:// on the port of WebSockets', (server) => `nats://${hostOf(server.webSocketUrl)}`, 'needs ws://'],
    ['a host that is not there', () => 'nats://nowhere.invalid', 'nowhere.invalid: no such host'],
  ])('that does not fit is said in a sentence: %s', async (_what, urlOf, sentence) => {
    const { code, stderr } = await runLocal(['setup'], { NATS_URL: urlOf(await nats()) });
    expect(code).toBe(3);
    expect(stderr).toContain(sentence);
  });
});

describe('a credentials file', () => {
  it.each([
    ['as nsc writes it', (text: string) => text],
    ['saved on Windows', (text: string) => `\ufeff${text.replaceAll('\n', '\r\n')}`],
  ])('%s logs in the edge and the worker to a server that takes signed users only', async (_how, save) => {
    const operator = newOperator();
    const { config } = operator;
    const credentials = save(operator.credentials);
    const server = await nats({ extraConfig: config });
    const file = `${await scratchFolder()}/user.creds`;
    await writeFile(file, credentials);
    const stack = await withTestStack({
      nats: server,
      edge: { NATS_CREDS: credentials },
      worker: { NATS_CREDS_FILE: file },
    });
    expect(await stack.run('echo', 'hello')).toMatchObject({ state: 'succeeded' });
  });

  it('of another operator does not log in the edge', async () => {
    const { config, credentials } = newOperator();
    const server = await nats({ extraConfig: config });
    const settings = { NATS_URL: { servers: [server.webSocketUrl] }, BROKER_TIMEOUT_MS };
    const open = async (NATS_CREDS: string) => {
      const session = await openSession({ ...settings, NATS_CREDS }, 'credentials');
      onTestFinished(() => session.close());
      return session.serverVersion;
    };
    await expect(open(newOperator().credentials)).rejects.toMatchObject({ code: 'broker-refused' });
    expect(await open(credentials)).toBeDefined();
  });

  it('that expires ends the worker, which says so', async () => {
    const { config, credentials, credentialsUntil } = newOperator();
    const server = await nats({ extraConfig: config });
    const folder = await scratchFolder();
    await writeFile(`${folder}/user.creds`, credentials);
    await writeFile(`${folder}/short.creds`, credentials);
    const stack = await withTestStack({
      nats: server,
      edge: { NATS_CREDS: credentials },
      worker: { NATS_CREDS_FILE: `${folder}/user.creds` },
    });
    const proxy = await proxyTo(server.url);
    const short = await stack.addWorker({
      NATS_URL: `nats://127.0.0.1:${proxy.port}`,
      NATS_CREDS_FILE: `${folder}/short.creds`,
    });
    await writeFile(`${folder}/short.creds`, credentialsUntil(inSeconds(4)));
    proxy.cutAll();
    expect(await short.exited).toBe(1);
    const [line] = await stack.logged(({ msg }) => msg === 'worker failed');
    // NATS first says that the user has expired, and then that it may not log in.
    expect(line?.reason).toMatch(
      /^the NATS connection was closed: NATS does not accept the user any more: (?:User Authentication Expired|Authorization Violation)$/,
    );
  });

  it('that was renewed before it expires keeps the worker, which reads it again at each login', async () => {
    const { config, credentials, credentialsUntil } = newOperator();
    const server = await nats({ extraConfig: config });
    const file = `${await scratchFolder()}/user.creds`;
    await writeFile(file, credentials);
    const proxy = await proxyTo(server.url);
    const stack = await withTestStack({
      nats: server,
      edge: { NATS_CREDS: credentials },
      worker: { NATS_URL: `nats://127.0.0.1:${proxy.port}`, NATS_CREDS_FILE: file },
    });
    const reconnects = (least: number) =>
      Promise.race([
        stack.logged(({ msg, status }) => msg === 'NATS connection' && status === 'reconnect', least),
        stack.worker.exited,
      ]);
    await writeFile(file, credentialsUntil(inSeconds(8)));
    proxy.cutAll();
    expect(await reconnects(1)).toHaveLength(1);
    await writeFile(file, credentials);
    expect(await reconnects(2)).toHaveLength(2);
    expect(await stack.run('echo', 'hello')).toMatchObject({ state: 'succeeded' });
  });

  it('whose seed is not valid is a wrong setting', async () => {
    const server = await nats();
    const file = `${await scratchFolder()}/bad.creds`;
    const block = (what: string, text: string) =>
      `-----BEGIN ${what}-----\n${text}\n------END ${what}------\n`;
    await writeFile(file, block('NATS USER JWT', 'hidden') + block('USER NKEY SEED', 'SUCANARY'));
    const { code, stderr } = await runLocal(['setup'], { NATS_URL: server.url, NATS_CREDS_FILE: file });
    expect(stderr).toContain('NATS_CREDS_FILE: the seed in the file is not valid (config-invalid)');
    expect(code).toBe(2);
  });
});
