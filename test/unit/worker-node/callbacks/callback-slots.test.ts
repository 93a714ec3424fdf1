import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type CallbackRoute,
  CallbackSlots,
  type Later,
  type Slot,
} from '../../../../worker-node/callbacks/callback-slots.ts';
import type { Reply } from '../../../../worker-node/callbacks/receiver-health.ts';
import { IDLE } from '../support.ts';

/** Slots with a clock that the test moves. */
function host({ slots = 10, perTenant = 5, random = (): number => 0 } = {}) {
  let now = 0;
  const all = new CallbackSlots({ slots, perTenant, random, now: () => now });
  const claim = (tenant: string, receiver = 'hooks.example', stop = IDLE): Promise<Slot | Later> =>
    all.claim({ tenant, receiver }, stop);
  /** Sends a callback, and takes what came of it. */
  const send = async (reply: Reply, route: CallbackRoute, tookMs = 0): Promise<number> => {
    const slot = await all.claim(route, IDLE);
    if (slot.kind === 'later') throw new Error('there is no slot');
    now += tookMs;
    return slot.release(reply);
  };
  const pass = (ms: number): void => {
    now += ms;
  };
  return { claim, send, pass };
}

const ALPHA = { tenant: 'alpha', receiver: 'hooks.example' };
const slotOf = (claim: Slot | Later): Slot => {
  if (claim.kind === 'later') throw new Error('there is no slot');
  return claim;
};

describe('a tenant', () => {
  it('has its part of the slots at most, whatever its receivers are', async () => {
    const { claim, send } = host();
    for (let index = 0; index < 60; index++)
      await send('answered', { tenant: 'alpha', receiver: `host-${index}` });
    const claims = Array.from({ length: 60 }, (_, index) => claim('alpha', `host-${index}`));
    const aborted = AbortSignal.abort();
    // A tenant with its part under way is not given another, and does not take the place of others.
    expect(await claim('alpha', 'one-more', aborted)).toMatchObject({ kind: 'later' });
    expect((await Promise.all(claims.slice(0, 5))).map(({ kind }) => kind)).toEqual(Array(5).fill('slot'));
    expect((await Promise.all(claims.slice(10))).map(({ kind }) => kind)).toEqual(Array(50).fill('later'));
    expect(await claim('beta')).toMatchObject({ kind: 'slot' });
  });

  it('takes turns with the others that wait', async () => {
    const { claim } = host({ slots: 1, perTenant: 1 });
    const order: string[] = [];
    const first = slotOf(await claim('alpha'));
    const waiting = ['alpha', 'beta', 'gamma'].map(async (tenant) => {
      const slot = slotOf(await claim(tenant));
      order.push(tenant);
      slot.release('answered');
    });
    first.release('answered');
    await Promise.all(waiting);
    expect(order).toEqual(['beta', 'gamma', 'alpha']);
  });

  it('waits for a slot for a moment only, so that another host can take the callback', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { claim } = host({ slots: 1, perTenant: 1 });
    const slot = slotOf(await claim('alpha'));
    const waiting = claim('beta');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await waiting).toMatchObject({ kind: 'later', isPaused: false });
    slot.release('answered');
    expect(await claim('beta')).toMatchObject({ kind: 'slot' });
  });

  it('gets its callbacks back one after the other, as fast as its slots can take them', async () => {
    const { claim, send } = host({ slots: 2, perTenant: 1 });
    await send('answered', ALPHA, 1_200);
    const [, , ...rest] = Array.from({ length: 5 }, () => claim('alpha'));
    const delays = (await Promise.all(rest)).map((one) => (one.kind === 'later' ? one.delayMs : -1));
    expect(delays).toEqual([900, 1_300, 1_700]);
  });
});

it('a long backlog comes back spread over minutes, and never all at once', async () => {
  // Numbers that are spread evenly.
  let seed = 0;
  const random = (): number => {
    seed = (seed + 0.618_034) % 1;
    return seed;
  };
  const { claim } = host({ slots: 2, perTenant: 1, random });
  const [, , ...rest] = Array.from({ length: 3_000 }, (_, index) => claim('alpha', `host-${index}`));
  const delays = (await Promise.all(rest)).map((one) => (one.kind === 'later' ? one.delayMs : 0));
  expect(Math.max(...delays)).toBeLessThanOrEqual(300_000);
  const seconds = Map.groupBy(delays, (ms) => Math.floor(ms / 1_000));
  expect(Math.max(...[...seconds.values()].map(({ length }) => length))).toBeLessThan(40);
});

it('receivers that never answer leave slots to those that do, whoever they belong to', async () => {
  const { claim, send } = host({ slots: 8, perTenant: 4 });
  await send('answered', { tenant: 'beta', receiver: 'good.example' });
  const stop = new AbortController();
  const claims = Array.from({ length: 60 }, (_, index) =>
    claim(`tenant-${index % 10}`, `new-${index}`, stop.signal),
  );
  const good = await Promise.all([claim('beta', 'good.example'), claim('beta', 'good.example')]);
  expect(good.map(({ kind }) => kind)).toEqual(['slot', 'slot']);
  stop.abort();
  const granted = (await Promise.all(claims)).filter(({ kind }) => kind === 'slot');
  expect(granted).toHaveLength(6);
});

it('new receivers of one tenant have half of its slots at most', async () => {
  const { claim } = host({ slots: 8, perTenant: 4 });
  const stop = new AbortController();
  const claims = Array.from({ length: 9 }, (_, index) => claim('alpha', `new-${index}`, stop.signal));
  stop.abort();
  expect((await Promise.all(claims)).filter(({ kind }) => kind === 'slot')).toHaveLength(2);
  expect(await claim('beta', 'new.example')).toMatchObject({ kind: 'slot' });
});

describe('a receiver', () => {
  it('that nobody knows has two slots, and one more with each answer', async () => {
    const { claim, send } = host();
    const kinds = async (count: number): Promise<string[]> => {
      const stop = new AbortController();
      const claims = Array.from({ length: count }, () => claim('alpha', 'hooks.example', stop.signal));
      stop.abort();
      const all = await Promise.all(claims);
      for (const one of all) if (one.kind === 'slot') one.release('unsent');
      return all.map(({ kind }) => kind);
    };
    expect(await kinds(4)).toEqual(['slot', 'slot', 'later', 'later']);
    await send('answered', ALPHA);
    expect(await kinds(4)).toEqual(['slot', 'slot', 'slot', 'later']);
    await send('silent', ALPHA);
    expect(await kinds(4)).toEqual(['slot', 'slot', 'later', 'later']);
  });

  it('that does not answer three times is paused as a whole, longer each time, and is tried once after each pause', async () => {
    const { claim, send, pass } = host();
    expect(await send('silent', ALPHA)).toBe(0);
    expect(await send('silent', ALPHA)).toBe(0);
    const pauses: number[] = [];
    for (let round = 0; round < 9; round++) {
      const pauseMs = await send('silent', ALPHA);
      pauses.push(pauseMs);
      const later = await claim('alpha');
      expect(later).toMatchObject({ kind: 'later', isPaused: true });
      expect(later.kind === 'later' && later.delayMs).toBeGreaterThan(pauseMs);
      pass(pauseMs);
    }
    expect(pauses).toEqual([2_500, 5_000, 10_000, 20_000, 40_000, 80_000, 150_000, 150_000, 150_000]);
    const trial = slotOf(await claim('alpha'));
    const stop = AbortSignal.abort();
    expect(await claim('alpha', 'hooks.example', stop)).toMatchObject({ kind: 'later', isPaused: false });
    trial.release('answered');
    const again = [await claim('alpha'), await claim('alpha'), await claim('alpha')];
    expect(again.map(({ kind }) => kind)).toEqual(['slot', 'slot', 'slot']);
  });

  it('is paused for the tenant to whom it does not answer, and for no other', async () => {
    const { claim, send } = host();
    for (let silence = 0; silence < 3; silence++) await send('silent', ALPHA);
    expect(await claim('alpha')).toMatchObject({ kind: 'later', isPaused: true });
    expect(await claim('alpha', 'other.example')).toMatchObject({ kind: 'slot' });
    expect(await claim('beta')).toMatchObject({ kind: 'slot' });
  });

  it('whose callbacks wait when it is paused gives them back', async () => {
    const { claim } = host();
    const one = slotOf(await claim('alpha'));
    const two = slotOf(await claim('alpha'));
    const waiting = [claim('alpha'), claim('alpha')];
    one.release('silent');
    two.release('silent');
    const [third, fourth] = (await Promise.all(waiting)).map(slotOf);
    const last = claim('alpha');
    third?.release('silent');
    expect(await last).toMatchObject({ kind: 'later', isPaused: true });
    // It began before the pause, so it does not make the pause longer.
    expect(fourth?.release('silent')).toBe(0);
  });
});
