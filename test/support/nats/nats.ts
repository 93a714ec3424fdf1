import { inject } from 'vitest';
import type { LocatedNatsServer } from '../../../dev/nats-binary/locate.ts';
import { type NatsServer, type NatsServerOptions, startNatsServer } from '../../../dev/nats-server/start.ts';
// For the type of `inject('natsServer')`.
import type {} from '../global-setup.ts';

/** The nats-server that the global set-up found. */
export function testNatsBinary(): LocatedNatsServer {
  const server = inject('natsServer');
  if ('problem' in server) throw new Error(server.problem);
  return server;
}

/** Starts a nats-server of the test's own: free ports, and a temporary store that `stop` removes. */
export function startTestNats(options: Omit<NatsServerOptions, 'binary'> = {}): Promise<NatsServer> {
  return startNatsServer({ ...options, binary: testNatsBinary().path });
}
