import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HostAnnouncement, hostKey, leaseOf } from '../../../../shared/api/host-announcement.ts';
import { LiveHosts } from '../../../../shared/api/live-hosts.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';

const HOST: HostAnnouncement = {
  host: 'host-1',
  version: '1.0.0',
  group: 'workers',
  concurrency: 10,
  leaseMs: 90_000,
  since: '2026-01-01T00:00:00.000Z',
  operations: ['echo', 'image.small'],
};

describe('the key of a host', () => {
  it.each([
    ['host-1_A', 'host-1_A'],
    ['a.b*c>d e', 'a=2Eb=2Ac=3Ed=20e'],
    ['é', '=C3=A9'],
    ['=', '=3D'],
  ])('%s is %s', (name, key) => {
    expect(hostKey(name)).toBe(key);
  });

  it('is one token of a subject, and another one for each name', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (one, other) => {
        expect(hostKey(one)).toMatch(/^[A-Za-z0-9_=-]+$/);
        if (one.isWellFormed() && other.isWellFormed())
          expect(hostKey(one) === hostKey(other)).toBe(one === other);
      }),
    );
  });
});

describe('the hosts that are alive', () => {
  it('count for their lease, from the moment at which their announcement arrived', () => {
    const hosts = new LiveHosts();
    hosts.take('a', writeJson(HOST), 1_000);
    expect(hosts.serving('echo', 90_999)).toEqual([HOST]);
    expect(hosts.serving('echo', 91_000)).toEqual([]);
  });

  it('are forgotten by the next submit after their lease', () => {
    const hosts = new LiveHosts();
    hosts.take('a', writeJson(HOST), 1_000);
    expect([hosts.serve('echo', 90_999), hosts.serve('echo', 91_000)]).toEqual([true, false]);
    expect(hosts.all(1_000)).toEqual([]);
  });

  it('serve what they announced last', () => {
    const hosts = new LiveHosts();
    hosts.take('a', writeJson(HOST), 0);
    hosts.take('a', writeJson({ ...HOST, operations: ['echo'] }), 0);
    expect([hosts.serving('echo', 0).length, hosts.serving('image.small', 0).length]).toEqual([1, 0]);
  });

  it.each([
    ['a deleted key', undefined],
    ['an empty value', new Uint8Array()],
    ['a value of another kind', writeJson([1])],
    ['a lease of no time', writeJson({ ...HOST, leaseMs: 0 })],
  ])('do not hold a host after %s', (_what, value) => {
    const hosts = new LiveHosts();
    hosts.take('a', writeJson(HOST), 0);
    hosts.take('a', value, 0);
    expect(hosts.all(0)).toEqual([]);
  });
});

it('a lease lasts three renewals, so that two may be lost', () => {
  expect(leaseOf(30_000)).toBe(90_000);
});
