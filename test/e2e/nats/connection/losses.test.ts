import { expect, it, onTestFinished } from 'vitest';
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
