import type { ServerInfo } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { isClustered } from '../../../../../worker-node/broker/connection/server.ts';

const OTHERS = ['127.0.0.1:4222', '127.0.0.1:4223'];

it.each<[string, Partial<ServerInfo>, boolean]>([
  ['a server alone', {}, false],
  ['a leaf node alone', { cluster: 'one' }, false],
  ['a leaf node without JetStream, which may lead to a cluster', { cluster: 'one', jetstream: false }, true],
  ['a server of a cluster', { cluster: 'all', connect_urls: OTHERS }, true],
  ['a server of a cluster that does not tell its addresses', { cluster: 'all' }, true],
  ['a server whose cluster has its name', { cluster: 'one', connect_urls: OTHERS }, true],
])('%s', (_what, said, clustered) => {
  const info = { server_name: 'one', jetstream: true, ...said } as ServerInfo;
  expect(isClustered({ connection: { info } as never })).toBe(clustered);
});
