import { describe, expect, it } from 'vitest';
import { isPublicAddress, OpenAddresses } from '../../../../../worker-node/operations/targets/addresses.ts';
import { refusalOf } from '../../../support.ts';
import { CLOSED, PUBLIC } from './address-lists.ts';

const NO_ADDRESSES = ['', 'localhost', '1.2.3', '127.1', 'fe80::1%lo', '2606:4700::1111%eth0', '8.8.8.8/32'];

describe('an address', () => {
  it.each(PUBLIC)('is public: %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([...CLOSED, ...NO_ADDRESSES])('is not public: %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('by default a name that is allowed', () => {
  const open = new OpenAddresses('');

  it.each(PUBLIC)('may lead to %s', (address) => {
    expect(open.has(address)).toBe(true);
  });

  it.each([...CLOSED, ...NO_ADDRESSES])('may not lead to %s', (address) => {
    expect(open.has(address)).toBe(false);
  });
});

describe('a range that the operator opens', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.7'],
    ['10.0.0.0/8', '::ffff:10.0.0.7'],
    ['10.0.0.0/8', '::ffff:a00:7'],
    ['10.1.2.3/8', '10.0.0.7'],
    [' 127.0.0.1 , ::1 ', '127.0.0.1'],
    [' 127.0.0.1 , ::1 ,', '::1'],
    ['fd00::/8', 'fd00::7'],
    ['64:ff9b::/96', '64:ff9b::808:808'],
    ['64:ff9b::/96,10.0.0.0/8', '64:ff9b::a00:7'],
    ['64:ff9b:1::/48', '64:ff9b:1::808:808'],
    ['2002::/16', '2002:808:808::1'],
    ['2001::/32', '2001:0:1:2:3:4:f7f7:f7f7'],
    ['0.0.0.0/0', '192.168.1.1'],
    ['169.254.169.254', '169.254.169.254'],
    ['169.254.169.254/32', '::ffff:169.254.169.254'],
    ['fd20:ce::254', 'fd20:ce::254'],
    ['168.63.129.16', '168.63.129.16'],
    ['::ffff:10.0.0.7', '10.0.0.7'],
    ['::ffff:10.0.0.0/104', '::ffff:a01:203'],
    ['::ffff:0:0/96', '192.168.1.1'],
  ])('%s has %s', (text, address) => {
    expect(new OpenAddresses(text).has(address)).toBe(true);
  });

  it.each([
    ['10.0.0.0/8', '11.0.0.0/8'],
    ['10.0.0.0/8', '192.168.0.1'],
    ['10.0.0.0/8', '::a00:7'],
    ['10.0.0.0/8', '::10.0.0.7'],
    ['::ffff:10.0.0.0/104', '172.16.0.1'],
    ['10.0.0.0/8', '64:ff9b::a00:7'],
    ['10.0.0.0/8', '2002:a00:7::'],
    ['127.0.0.1', '127.0.0.2'],
    ['64:ff9b::/96', '64:ff9b::a00:7'],
    ['64:ff9b::/96', '64:ff9b::a9fe:a9fe'],
    ['64:ff9b:1::/48', '64:ff9b:1::7f00:1'],
    ['2002::/16', '2002:7f00:1::'],
    ['2001::/32', '2001:0:1:2:3:4:80ff:fffe'],
    ['10.0.0.0/8', '::ffff:8.8.8.8'],
  ])('%s has no %s', (text, address) => {
    expect(new OpenAddresses(text).has(address)).toBe(false);
  });

  it.each([
    ['169.254.0.0/16', '169.254.169.254'],
    ['0.0.0.0/0', '169.254.169.254'],
    ['0.0.0.0/0', '::ffff:169.254.169.254'],
    ['100.64.0.0/10', '100.100.100.200'],
    ['168.63.129.0/24', '168.63.129.16'],
    ['fd00::/8', 'fd00:ec2::254'],
    ['fd00::/8', 'fd20:ce::254'],
    ['fd00::/8', 'fd00:a9fe:a9fe::1'],
    ['fd00:100::/32', 'fd00:100::100:200'],
    ['::/0', 'fe80::a9fe:a9fe'],
  ])('%s does not open the metadata service of a cloud in it: %s', (text, address) => {
    expect(new OpenAddresses(text).has(address)).toBe(false);
  });

  it.each([
    'a',
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '::1/129',
    '0x7f000001',
    '10.0.0.0-10.0.0.9',
  ])('that cannot be read stops the worker at its start: %s', async (text) => {
    const error = await refusalOf(() => new OpenAddresses(`127.0.0.1,${text}`));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toBe(
      `TARGET_ADDRESSES_ALLOW: "${text}" is not an address or a range such as 10.0.0.0/8`,
    );
  });
});
