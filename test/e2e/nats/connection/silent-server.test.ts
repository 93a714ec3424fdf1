import { expect, it, onTestFinished } from 'vitest';
import type { NatsServer } from '../../../../dev/nats-server/start.ts';
import { BROKER_TRACES } from '../../../../shared/wire/subjects.ts';
import { openConnection } from '../../../../worker-node/broker/connection/connect.ts';
import { TraceListener } from '../../../../worker-node/broker/operate/trace-listener.ts';
import { workerConfig } from '../../../../worker-node/config.ts';
import type { WorkerLogger } from '../../../../worker-node/log.ts';
import { startTestNats } from '../../../support/nats/nats.ts';
import { proxyTo } from '../../../support/nats/proxy-to.ts';
import { until } from '../../../support/poll.ts';
import { withTestStack } from '../../../support/stack.ts';

async function startServer(): Promise<NatsServer> {
  const nats = await startTestNats();
  onTestFinished(async () => {
    await nats.kill('SIGCONT');
    await nats.stop();
  });
  return nats;
}

const connectTo = (urls: readonly string[]) =>
  openConnection(workerConfig({ NATS_URL: urls.join(','), WORKER_NAME: 'silent' }), '_INBOX_test');

/** More than the memory of two sockets takes. */
const MUCH = Array.from({ length: 12 }, () => new Uint8Array(900_000));

it('a worker whose server stands still, and reads nothing more, goes to the next server', async () => {
  const [first, second] = [await startServer(), await startServer()];
  const connection = await connectTo([first.url, second.url]);
  onTestFinished(() => connection.close());
  expect(connection.getServer()).toBe(new URL(first.url).host);
  await first.kill('SIGSTOP');
  for (const data of MUCH) connection.publish('much', data);
  await until('the other server', () => connection.getServer() === new URL(second.url).host, 60_000);
  await connection.flush();
});

it('a worker whose WebSocket hears nothing more opens another one, and runs jobs again', async () => {
  const nats = await startServer();
  const proxy = await proxyTo(nats.webSocketUrl);
  const stack = await withTestStack({
    nats,
    tracing: false,
    worker: { NATS_URL: `ws://127.0.0.1:${proxy.port}` },
  });
  await stack.run('echo', 'before');
  proxy.strand();
  await stack.logged(({ msg, status }) => msg === 'NATS connection' && status === 'reconnect');
  expect(await stack.run('echo', 'after')).toMatchObject({ state: 'succeeded' });
});

it('a connection over a WebSocket can be closed while its server stands still, whatever it still has to send', async () => {
  const nats = await startServer();
  const connection = await connectTo([nats.webSocketUrl]);
  await nats.kill('SIGSTOP');
  for (const data of MUCH) connection.publish('much', data);
  await connection.close();
  expect(connection.isClosed()).toBe(true);
});

it('`broker-spans` ends while its server stands still', async () => {
  const nats = await startServer();
  const losses: string[] = [];
  const listener = await TraceListener.start({
    config: workerConfig({ NATS_URL: nats.url }),
    subject: BROKER_TRACES,
    log: { info: () => undefined, warn: (line: string) => losses.push(line) } as unknown as WorkerLogger,
    take: () => undefined,
  });
  await nats.kill('SIGSTOP');
  await listener.close();
  // Not only when the client gave the server up.
  expect(losses).toEqual([]);
});
