import { expect, it } from 'vitest';
import { connectReason } from '../../../../../worker-node/broker/connection/connect-reason.ts';

it.each([
  [
    'self-signed certificate; if the root CA is installed locally, try running Node.js with --use-system-ca',
    'NODE_EXTRA_CA_CERTS',
  ],
  ['unable to verify the first certificate', 'NODE_EXTRA_CA_CERTS'],
  ['unable to get local issuer certificate', 'NODE_EXTRA_CA_CERTS'],
  ["Hostname/IP does not match certificate's altnames: Host: localhost.", 'for another host name'],
  ['certificate has expired', 'its certificate has expired'],
  ['Authorization Violation', 'Authorization Violation'],
])('a connection that fails with "%s" is explained', (message, words) => {
  expect(connectReason(new Error(message), ['tls://nats.example'])).toContain(words);
});

it.each(['nats', 'ws'])('a server that lets nobody in may have too many clients: %s://', (scheme) => {
  const silence = Object.assign(new Error('timeout'), { name: 'TimeoutError' });
  expect(connectReason(silence, [`${scheme}://nats.example`])).toContain('max_connections');
});

it('a server that is silent may want a certificate of the worker, or TLS at once', () => {
  const silence = Object.assign(new Error('timeout'), { name: 'TimeoutError' });
  expect(connectReason(silence, ['tls://nats.example'])).toMatch(/\(verify\).*\(handshake_first\)/);
});
