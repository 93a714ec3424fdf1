import { expect, it } from 'vitest';
import { withAsciiHost } from '../../../../../worker-node/broker/connection/ascii-host.ts';
import { workerConfig } from '../../../../../worker-node/config.ts';

it.each([
  ['nats://ä.example:80', 'nats://xn--4ca.example:80'],
  ['tls://ä.example', 'tls://xn--4ca.example'],
  ['ws://ä.example/path', 'ws://xn--4ca.example/path'],
  ['nats://[::1]:4222', 'nats://[::1]:4222'],
  ['nats://plain.example', 'nats://plain.example'],
])('NATS at %s is looked up as %s', (setting, server) => {
  expect(workerConfig({ NATS_URL: setting }).NATS_URL.servers.map(withAsciiHost)).toEqual([server]);
});
