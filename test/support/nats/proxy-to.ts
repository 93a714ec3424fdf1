import { onTestFinished } from 'vitest';
import { TcpProxy } from '../../chaos/support/tcp-proxy.ts';

/** A way to a nats-server, which ends with the test. @param url of the server */
export async function proxyTo(url: string): Promise<TcpProxy> {
  const proxy = await TcpProxy.start({ targetPort: Number(new URL(url).port) });
  onTestFinished(() => proxy.stop());
  return proxy;
}
