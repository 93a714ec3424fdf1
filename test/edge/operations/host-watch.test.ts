import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HostDirectory } from '../../../edge/operations/host-directory.ts';
import { HostWatch } from '../../../edge/operations/host-watch.ts';
import type { Logger } from '../../../edge/telemetry/log.ts';
import { HOSTS_STREAM } from '../../../shared/nats/streams.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { announcement, hostOf } from '../support/announcements.ts';
import { MemoryBroker } from '../support/memory-broker.ts';

const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Logger;

beforeEach(() => {
  vi.clearAllMocks();
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setup() {
  const broker = new MemoryBroker();
  return { broker, hosts: broker.hosts, watch: new HostWatch(broker, log) };
}

describe('an operation', () => {
  it('is served while a host renews its announcement, and not later than its lease', async () => {
    const { hosts, watch } = setup();
    hosts.put('a', writeJson(hostOf(['echo'], { leaseMs: 90_000 })));
    expect(await watch.isServed('echo')).toBe(true);
    vi.advanceTimersByTime(60_000);
    hosts.put('a', writeJson(hostOf(['echo'], { leaseMs: 90_000 })));
    vi.advanceTimersByTime(89_999);
    expect(await watch.isServed('echo')).toBe(true);
    vi.advanceTimersByTime(1);
    expect(await watch.isServed('echo')).toBe(false);
  });

  it('is not served any more once its last host has left, or announces something that cannot be read', async () => {
    const { hosts, watch } = setup();
    for (const key of ['a', 'b']) hosts.put(key, writeJson(hostOf(['echo'])));
    expect(await watch.isServed('echo')).toBe(true);
    hosts.put('a', undefined);
    expect(await watch.isServed('echo')).toBe(true);
    hosts.put('b', new TextEncoder().encode('{"operations":["echo"]}'));
    expect(await watch.isServed('echo')).toBe(false);
    const reason = expect.stringMatching(/^\/host .*; \/leaseMs /);
    expect(log.warn.mock.calls).toEqual([['an announcement of a host cannot be read', { key: 'b', reason }]]);
  });

  it('is served by a host whose announcement the watch has not got yet', async () => {
    const { broker, watch } = setup();
    expect(await watch.isServed('echo')).toBe(false);
    const data = writeJson(hostOf(['echo']));
    broker.store(HOSTS_STREAM, {
      sequence: 7,
      subject: '$KV.HOSTS.new',
      data,
      headers: undefined,
      time: new Date(),
    });
    expect(await watch.isServed('echo')).toBe(true);
    vi.advanceTimersByTime(90_000);
    // The same announcement, read again, is no renewal.
    expect(await watch.isServed('echo')).toBe(false);
  });
});

describe('the watch', () => {
  it('starts once, and again after it has ended', async () => {
    const { broker, hosts, watch } = setup();
    hosts.put('a', writeJson(hostOf(['echo'])));
    await Promise.all([watch.isServed('echo'), watch.all(), watch.isServed('echo')]);
    expect(broker.calls('watchBucket')).toBe(1);
    hosts.endWatch();
    expect(await watch.all()).toHaveLength(1);
    expect(broker.calls('watchBucket')).toBe(2);
  });

  it('that ends just as it is complete does not say who is alive, and starts again at once', async () => {
    const { broker, hosts } = setup();
    const value = writeJson(hostOf(['echo']));
    hosts.put('a', value);
    let starts = 0;
    const session: HostWatch['session'] = {
      isClosed: false,
      lastMessage: async () => undefined,
      watchBucket: async (bucket, take, onEnd) => {
        if (++starts > 1) return await broker.watchBucket(bucket, take, onEnd);
        take({ key: 'a', sequence: 1, value });
        onEnd();
      },
    };
    const watch = new HostWatch(session, log);
    expect(await watch.isServed('echo')).toBeUndefined();
    expect(await watch.isServed('echo')).toBe(true);
  });

  it('that cannot start does not say who is alive, and is tried again after half a minute', async () => {
    const { broker, watch } = setup();
    broker.fail('watchBucket');
    expect([await watch.isServed('echo'), await watch.all()]).toEqual([undefined, undefined]);
    expect(broker.calls('watchBucket')).toBe(1);
    vi.advanceTimersByTime(30_000);
    expect(await watch.all()).toBeUndefined();
    expect(broker.calls('watchBucket')).toBe(2);
  });
});

it('an own lane is served by hosts that announce it and can run the operation, once they are known', async () => {
  const { broker, hosts } = setup();
  hosts.put('a', writeJson(hostOf(['echo'], { ownLanes: ['acme'] })));
  hosts.put('b', writeJson(hostOf(['other'])));
  const directory = new HostDirectory(log);
  const serves = (tenant: string, operation: string) => directory.servesOwnLane({ tenant, operation });
  expect(serves('acme', 'echo')).toBe(false);
  await directory.learn(broker);
  expect([serves('acme', 'echo'), serves('acme', 'other'), serves('globex', 'echo')]).toEqual([
    true,
    false,
    false,
  ]);
  hosts.put('a', undefined);
  expect(serves('acme', 'echo')).toBe(false);
});

it('the list says how many hosts serve each operation, and since when', async () => {
  const { broker, hosts } = setup();
  hosts.put('a', writeJson(hostOf(['echo'], { since: '2026-01-02T00:00:00.000Z' })));
  hosts.put('b', writeJson(hostOf(['echo'], { since: '2026-01-01T00:00:00.000Z' })));
  const list = await new HostDirectory(log).list(broker, [announcement('echo'), announcement('gone')]);
  expect(list).toEqual([
    { ...announcement('echo'), edgeChecks: 'nothing', hosts: 2, since: '2026-01-01T00:00:00.000Z' },
    { ...announcement('gone'), edgeChecks: 'nothing', hosts: 0 },
  ]);
});
