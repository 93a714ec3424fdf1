import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { NatsServer } from '../../../../dev/nats-server/start.ts';
import { startWorkerProcess } from '../../../../dev/worker/start.ts';
import { JOBS_STREAM, streamDefinitions } from '../../../../shared/nats/streams.ts';
import { requestError } from '../../../../worker-node/broker/checks/failure-reason.ts';
import { connectBroker, openConnection } from '../../../../worker-node/broker/connection/connect.ts';
import { onFailedConnect } from '../../../../worker-node/broker/connection/connect-reason.ts';
import { isConnectionLost } from '../../../../worker-node/broker/connection/lost-requests.ts';
import { jobConsumers } from '../../../../worker-node/broker/groups/group.ts';
import { ensureGroup, ensureStreams } from '../../../../worker-node/broker/provision.ts';
import { PublishRequests } from '../../../../worker-node/broker/publish/publish-requests.ts';
import { workerConfig } from '../../../../worker-node/config.ts';
import { scratchFolder } from '../../../support/cleanup.ts';
import { makeCertificate } from '../../../support/nats/certificates.ts';
import { startTestNats } from '../../../support/nats/nats.ts';
import { proxyTo } from '../../../support/nats/proxy-to.ts';
import { until } from '../../../support/poll.ts';
import { withTestStack } from '../../../support/stack.ts';

it.each([
  ['over TCP', ({ url }: NatsServer) => url],
  ['over a WebSocket', ({ webSocketUrl }: NatsServer) => webSocketUrl],
])(
  'a worker tells once that NATS is away, and once that it is back, however often it tried: %s',
  async (_, urlOf) => {
    const nats = await startTestNats();
    onTestFinished(() => nats.stop());
    const proxy = await proxyTo(urlOf(nats));
    const stack = await withTestStack({
      nats,
      tracing: false,
      worker: { NATS_URL: urlOf(nats).replace(/\d+$/, String(proxy.port)), WORKER_ANNOUNCE_MS: '30000' },
    });
    const { accepted } = proxy;
    // Nothing of what a client says gets through.
    proxy.set({ kind: 'cut-after', bytes: 0 });
    await until('two logins that are cut', () => proxy.accepted >= accepted + 2, 60_000);
    proxy.set({ kind: 'pass' });
    const statuses = (): unknown[] =>
      stack.logs().flatMap(({ msg, status }) => (msg === 'NATS connection' ? [status] : []));
    await until('the worker to be back', () => statuses().includes('reconnect'));
    expect(await stack.run('echo', 1)).toMatchObject({ state: 'succeeded' });
    expect(statuses()).toEqual(['disconnect', 'reconnect']);
    const metrics = await (await fetch(`${stack.worker.healthUrl}/metrics`)).text();
    expect(metrics).toMatch(/^throughline_nats_reconnects_total.* 1$/m);
  },
);

it('a worker says why it cannot connect again, once in the log and for as long as it is so in /readyz', async () => {
  const [folder, other] = [await scratchFolder(), await scratchFolder()];
  const { certificate, key } = await makeCertificate(folder);
  const files = { cert: await readFile(certificate), key: await readFile(key) };
  const ca = path.join(other, 'ca.crt');
  await writeFile(ca, files.cert);
  const tls = `tls { cert_file: ${JSON.stringify(certificate)}, key_file: ${JSON.stringify(key)} }`;
  const nats = await startTestNats({ extraConfig: tls });
  onTestFinished(() => nats.stop());
  const proxy = await proxyTo(nats.url);
  const lines: string[] = [];
  const worker = await startWorkerProcess({
    environment: { NATS_URL: `tls://127.0.0.1:${proxy.port}`, HEALTH_PORT: '0', NODE_EXTRA_CA_CERTS: ca },
    onLog: (line) => lines.push(line),
  });
  onTestFinished(worker.stop);
  const readiness = async (): Promise<string> => (await fetch(`${worker.healthUrl}/readyz`)).text();
  await makeCertificate(folder);
  await nats.restart();
  const reason =
    'its certificate is not one that this machine trusts; NODE_EXTRA_CA_CERTS names the file of your CA';
  await until('the reason', async () => (await readiness()).includes(`NATS is not connected: ${reason}`));
  const { accepted } = proxy;
  await until('further attempts', () => proxy.accepted >= accepted + 2);
  expect(lines.filter((line) => line.includes(reason))).toHaveLength(1);
  await writeFile(certificate, files.cert);
  await writeFile(key, files.key);
  await nats.restart();
  await until('the worker to be ready', async () => (await readiness()).includes('"ready"'));
});

it('a request that was lost with its connection ends when there is another one, also a request that was made meanwhile', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const proxy = await proxyTo(nats.url);
  const config = workerConfig({ NATS_URL: `nats://127.0.0.1:${proxy.port}`, WORKER_NAME: 'losses' });
  const connection = await openConnection(config, '_INBOX_test');
  onTestFinished(() => connection.close());
  connection.subscribe('silent', { callback: () => undefined });
  const publisher = new PublishRequests(connection, 600_000);
  const ask = (): Promise<unknown>[] => [
    connection.request('silent', '', { timeout: 600_000 }),
    publisher.publish('silent', ''),
  ];
  const lost = async (asked: readonly Promise<unknown>[]): Promise<void> => {
    for (const ended of await Promise.allSettled(asked)) {
      const reason: unknown = ended.status === 'rejected' && ended.reason;
      expect(isConnectionLost(reason)).toBe(true);
      expect(await requestError({ connection }, reason)).toMatchObject({ code: 'broker-unavailable' });
    }
  };
  const sent = ask();
  await connection.flush();
  proxy.set({ kind: 'reset' });
  await until('the loss', () => proxy.connections === 0);
  const meanwhile = ask();
  const { accepted } = proxy;
  await until('another try', () => proxy.accepted >= accepted + 2);
  proxy.set({ kind: 'pass' });
  await lost([...sent, ...meanwhile]);
  connection.subscribe('loud', { callback: (_, message) => void message.respond('yes') });
  await until('an answer', async () =>
    connection.request('loud').then(
      (answer) => answer.string() === 'yes',
      () => false,
    ),
  );
});

it('a worker that starts makes its consumers although the connection is lost meanwhile', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const proxy = await proxyTo(nats.url);
  const config = workerConfig({ NATS_URL: `nats://127.0.0.1:${proxy.port}`, WORKER_NAME: 'losses' });
  const broker = await connectBroker(config, '_INBOX_test');
  onTestFinished(() => broker.connection.close());
  const log = { warn: () => undefined };
  await ensureStreams(broker.manager, streamDefinitions(1, true), log);
  proxy.set({ kind: 'drop-replies' });
  const sent = (): number => broker.connection.stats().outMsgs;
  const before = sent();
  const made = ensureGroup(broker, jobConsumers(config), log);
  made.catch(() => undefined);
  await until('questions without an answer', () => sent() > before);
  proxy.set({ kind: 'reset' });
  proxy.set({ kind: 'pass' });
  await made;
  const consumers = await broker.manager.consumers.list(JOBS_STREAM).next();
  expect(consumers).toHaveLength(jobConsumers(config).length);
});

it('a worker connects again at once after a loss, although its clock was set back since it connected', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 24 * 3_600_000 });
  const config = workerConfig({ NATS_URL: nats.url, WORKER_NAME: 'losses' });
  const connection = await openConnection(config, '_INBOX_test').finally(() => vi.useRealTimers());
  onTestFinished(() => connection.close());
  const came = (async () => {
    for await (const { type } of connection.status()) if (type === 'reconnect') return true;
    return false;
  })();
  await nats.restart();
  expect(await came).toBe(true);
});

it('what a server says before it hangs up is why there is no connection', async () => {
  const nats = await startTestNats({ extraConfig: 'max_connections: 1' });
  onTestFinished(() => nats.stop());
  const proxy = await proxyTo(nats.url);
  const config = workerConfig({ NATS_URL: `nats://127.0.0.1:${proxy.port}`, WORKER_NAME: 'losses' });
  // The client that asked the server whether it is ready may still count.
  const connection = await until('room for a client', () => openConnection(config, '_INBOX_test'));
  onTestFinished(() => connection.close());
  const reasons: string[] = [];
  onFailedConnect(connection, config.NATS_URL.servers, (reason) => reasons.push(reason));
  proxy.set({ kind: 'reset' });
  // A client that finds no room waits until its time is over.
  const other = await until('room for another client', () => connect({ servers: nats.url, timeout: 2_000 }));
  onTestFinished(() => other.close());
  proxy.set({ kind: 'pass' });
  await until('the reason', () => reasons.includes('maximum connections exceeded'));
});

it('a connection that is closed during a login has no reason why it fails', async () => {
  const info = { server_id: 'A', version: '2.14.5', proto: 1, headers: true, max_payload: 1_048_576 };
  let logins = 0;
  // It lets only the first client in.
  const server = createServer((socket) => {
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on('error', () => undefined);
    socket.once('data', () => (++logins === 1 ? socket.write('PONG\r\n') : undefined));
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy = await proxyTo(`nats://127.0.0.1:${port}`);
  const config = workerConfig({ NATS_URL: `nats://127.0.0.1:${proxy.port}`, WORKER_NAME: 'losses' });
  const connection = await openConnection(config, '_INBOX_test');
  const reasons: string[] = [];
  onFailedConnect(connection, config.NATS_URL.servers, (reason) => reasons.push(reason));
  proxy.set({ kind: 'reset' });
  proxy.set({ kind: 'pass' });
  await until('another login', () => logins === 2);
  await connection.close();
  await until('its end', () => proxy.connections === 0);
  expect(reasons).toEqual([]);
});
