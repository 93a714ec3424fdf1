import { expect, it, onTestFinished } from 'vitest';
import { openConnection } from '../../../../worker-node/broker/connection/connect.ts';
import { isConnectionLost } from '../../../../worker-node/broker/connection/lost-requests.ts';
import { PublishRequests } from '../../../../worker-node/broker/publish/publish-requests.ts';
import { workerConfig } from '../../../../worker-node/config.ts';
import { TcpProxy } from '../../../chaos/support/tcp-proxy.ts';
import { startTestNats } from '../../../support/nats/nats.ts';
import { until } from '../../../support/poll.ts';
import { withTestStack } from '../../../support/stack.ts';

/** A way to a nats-server. */
async function proxyTo(url: string): Promise<TcpProxy> {
  const proxy = await TcpProxy.start({ targetPort: Number(new URL(url).port) });
  onTestFinished(() => proxy.stop());
  return proxy;
}

it('a worker tells once that NATS is away, and once that it is back, however many servers hang up before its login', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const proxy = await proxyTo(nats.url);
  const stack = await withTestStack({
    nats,
    tracing: false,
    worker: { NATS_URL: `nats://127.0.0.1:${proxy.port}`, WORKER_ANNOUNCE_MS: '30000' },
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
});

it('a request ends with the connection that it was sent on, also one that was made while there was none', async () => {
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
    for (const ended of await Promise.allSettled(asked))
      expect(ended.status === 'rejected' && isConnectionLost(ended.reason)).toBe(true);
  };
  const sent = ask();
  await connection.flush();
  proxy.set({ kind: 'reset' });
  await lost(sent);
  await lost(ask());
  proxy.set({ kind: 'pass' });
  connection.subscribe('loud', { callback: (_, message) => void message.respond('yes') });
  await until('an answer', async () =>
    connection.request('loud').then(
      (answer) => answer.string() === 'yes',
      () => false,
    ),
  );
});
