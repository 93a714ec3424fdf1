import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PRIORITIES } from '../../../../shared/job/priority.ts';
import {
  bulkRoute,
  consumerName,
  groupOfConsumer,
  isGroupName,
  limitedRoute,
  ORDERED_LANES,
  OWN_ROUTES,
  orderedRoute,
  POOLED_LANES,
  pooledRoute,
  ROUTES,
  readRoute,
  routeOf,
} from '../../../../shared/wire/lanes.ts';

const tenant = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);

describe('a route', () => {
  it('is always one that hosts take jobs from', () => {
    fc.assert(
      fc.property(tenant, fc.constantFrom(...PRIORITIES), fc.string(), (name, priority, key) => {
        for (const route of [
          pooledRoute({ tenant: name }, priority),
          bulkRoute({ tenant: name }, priority),
          orderedRoute({ tenant: name }, key),
          limitedRoute(true, priority),
          limitedRoute(false, priority),
        ])
          expect(ROUTES).toContainEqual(route);
      }),
    );
  });

  it('of ordered jobs has no priority, so that no job of a key overtakes another', () => {
    const ordered = ROUTES.filter(({ lane }) => ORDERED_LANES.some((one) => one === lane));
    expect(new Set(ordered.map(({ priority }) => priority))).toEqual(new Set(['normal']));
    expect(ordered).toHaveLength(ORDERED_LANES.length);
  });

  it('is read back from its tokens, and from no others', () => {
    for (const route of ROUTES) expect(readRoute(route.priority, route.lane)).toEqual(route);
    for (const [priority, lane] of [
      ['high', 'o0'],
      ['normal', 'p4'],
      ['NORMAL', 'p0'],
      ['', ''],
      [undefined, undefined],
      ['normal', undefined],
    ])
      expect(readRoute(priority, lane)).toBeUndefined();
  });

  it('spreads tenants over all pooled lanes', () => {
    const lanes = Array.from({ length: 400 }, (_, n) => pooledRoute({ tenant: `tenant-${n}` }).lane);
    for (const lane of POOLED_LANES) expect(lanes.filter((one) => one === lane).length).toBeGreaterThan(60);
  });

  it('is the own lane of a tenant where hosts serve it, unless the job is ordered or delayed', () => {
    const address = { tenant: 'acme' };
    const traits = { isBusy: true, hasOwnLane: true, isLimited: false };
    expect(routeOf(address, {}, traits)).toEqual({ priority: 'normal', lane: 'own' });
    expect(routeOf(address, { priority: 'high' }, traits)).toEqual({ priority: 'high', lane: 'own' });
    expect(routeOf(address, { orderingKey: 'k' }, traits)).toEqual(orderedRoute(address, 'k'));
    const dueAt = '2030-01-01T00:00:00.000Z';
    expect(routeOf(address, { dueAt }, traits)).toEqual(bulkRoute(address));
    expect(routeOf(address, {}, { ...traits, hasOwnLane: false })).toEqual(bulkRoute(address));
    expect(routeOf(address, {}, { ...traits, isLimited: true })).toEqual(limitedRoute(true));
    for (const route of OWN_ROUTES) expect(readRoute(route.priority, route.lane)).toEqual(route);
  });

  it('gives its consumer a name from which the group is read back, whatever tenant and group are called', () => {
    const names = fc.oneof(tenant, fc.constantFrom('x-normal-p0', 'own', 'a-normal-own', '-own-', 'p0'));
    fc.assert(
      fc.property(names.filter(isGroupName), names, fc.constantFrom(...OWN_ROUTES), (group, name, route) => {
        expect(groupOfConsumer(consumerName(group, route, name))).toBe(group);
        for (const shared of ROUTES) expect(groupOfConsumer(consumerName(group, shared))).toBe(group);
      }),
    );
    expect(isGroupName('a-normal-own-b')).toBe(false);
    expect(isGroupName('workers')).toBe(true);
  });

  it('leaves few enough routes for two worker groups on one stream', () => {
    expect(ROUTES.length * 2).toBeLessThanOrEqual(64);
  });
});
