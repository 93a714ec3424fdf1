import { inject } from 'vitest';
import {
  type NatsCluster,
  type NatsClusterOptions,
  startNatsCluster,
} from '../../../dev/nats-server/cluster.ts';
import type { ServerConfig } from '../../../dev/nats-server/config.ts';
import { type NatsServer, type NatsServerOptions, startNatsServer } from '../../../dev/nats-server/start.ts';
import type { TestNatsServer } from '../global-setup.ts';

/** The nats-server that the global set-up found. */
export function testNatsBinary(): TestNatsServer {
  const server = inject('natsServer');
  if ('problem' in server) throw new Error(server.problem);
  return server;
}

/** Starts a nats-server of the test's own: free ports, and a temporary store that `stop` removes. */
export function startTestNats({
  extraConfig = '',
  configure,
  ...options
}: Omit<NatsServerOptions, 'binary'> = {}): Promise<NatsServer> {
  return startNatsServer({
    ...options,
    ...configured(extraConfig, configure),
    binary: testNatsBinary().path,
  });
}

/** Starts a cluster of the test's own. */
export function startTestCluster({
  extraConfig = '',
  configure,
  ...options
}: Omit<NatsClusterOptions, 'binary'> = {}): Promise<NatsCluster> {
  return startNatsCluster({
    ...options,
    ...configured(extraConfig, configure),
    binary: testNatsBinary().path,
  });
}

type Configure<P> = (place: P, directory: string) => ServerConfig;

function configured<P>(
  extraConfig: string,
  configure: Configure<P> | undefined,
): { extraConfig: string; configure?: Configure<P> } {
  const flags = testNatsBinary().hasLongAcks ? 'feature_flags { js_ack_fc_v2: true }' : '';
  const more = { extraConfig: `${extraConfig}\n${flags}` };
  if (configure === undefined) return more;
  const withFlags: Configure<P> = (place, directory) => {
    const config = configure(place, directory);
    return { ...config, text: `${config.text}\n${flags}` };
  };
  return { ...more, configure: withFlags };
}
