import { isIP as original } from '@nats-io/nats-core/internal';
import { expect, it } from 'vitest';
import { isIP } from '../../../dev/edge/stand-ins/nats-ip.ts';

it.each([
  '127.0.0.1',
  '10.1.2.3',
  '255.255.255.255',
  '::1',
  'fe80::1',
  '2001:db8::192.0.2.1',
  '::ffff:10.1.2.3',
  'localhost',
  'nats.internal',
  'nats-1.example.com',
  '1.example.com',
  'a.1',
  'fe80',
  'xn--mnchen-3ya.de',
])('the host %s is an address or a name, as for the NATS client', (host) => {
  expect(isIP(host)).toBe(original(host));
});
