import { describe, expect, it } from 'vitest';
import { clientAddress } from '../../../edge/access/client-address.ts';

function addressOf(header: string | undefined, cf?: unknown): string {
  const headers = new Headers(header === undefined ? {} : { 'cf-connecting-ip': header });
  return clientAddress({ headers, cf } as unknown as Request);
}

describe("a client's address", () => {
  it('is that of the socket if workerd tells it, and otherwise the one that Cloudflare adds', () => {
    expect(addressOf('203.0.113.9', { clientIp: '192.0.2.1:50012' })).toBe('192.0.2.1');
    expect(addressOf('203.0.113.9', { country: 'NL' })).toBe('203.0.113.9');
    expect(addressOf(undefined)).toBe('');
  });

  it.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['[2001:db8:1:2:3:4:5:6]:443', '2001:db8:1:2'],
    ['::1', ':0:0:0'],
  ])('of IPv6 is the network of 64 bits: %s', (address, network) => {
    expect(addressOf(address)).toBe(network);
    expect(addressOf(undefined, { clientIp: address })).toBe(network);
  });

  it('is short, whatever the header holds', () => {
    expect(addressOf('9'.repeat(100_000)).length).toBeLessThanOrEqual(60);
    expect(addressOf('.'.repeat(100_000)).length).toBeLessThanOrEqual(60);
  });
});
