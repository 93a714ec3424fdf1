import { describe, expect, it } from 'vitest';
import { isPublicAddress, isRoutable } from '../../../../../worker-node/operations/targets/addresses.ts';
import { CLOSED, PUBLIC } from './address-lists.ts';

describe('an address', () => {
  it.each(PUBLIC)('is public: %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([...CLOSED, '', 'localhost', '1.2.3', 'fe80::1%lo'])('is not public: %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('an address that a name leads to', () => {
  it.each(['10.0.0.7', '192.168.1.1', '127.0.0.1', '203.0.113.9', '::1', 'fd00::7', '2001:db8::1'])(
    'may be %s',
    (address) => {
      expect(isRoutable(address)).toBe(true);
    },
  );

  it.each([
    ['cloud metadata', '169.254.169.254'],
    ['cloud metadata inside IPv6', '::ffff:169.254.169.254'],
    ['cloud metadata inside IPv6, hexadecimal', '::ffff:a9fe:a9fe'],
    ['this host', '0.0.0.0'],
    ['this host in IPv6', '::'],
    ['this host inside IPv6', '::ffff:0.0.0.0'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['multicast', '224.0.0.1'],
    ['multicast in IPv6', 'ff02::1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['a name', 'localhost'],
    ['a short form, which no resolver gives', '127.1'],
    ['nothing', ''],
  ])('is never %s', (_what, address) => {
    expect(isRoutable(address)).toBe(false);
  });
});
