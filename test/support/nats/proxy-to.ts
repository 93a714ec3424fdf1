import { onTestFinished } from 'vitest';
import { TcpProxy } from '../../chaos/support/tcp-proxy.ts';

/** Starts a proxy before a nats-server; it ends with the test. @param url of the server */
export async function proxyTo(url: string): Promise<TcpProxy> {
  const proxy = await TcpProxy.start({ targetPort: Number(new URL(url).port) });
  onTestFinished(() => proxy.stop());
  return proxy;
}
