import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_ENTRY, type LimitEntry } from '../../../../shared/wire/limit-entry.ts';
import { confirm, forgo, release, renew, take } from '../../../../worker-node/jobs/limits/entry.ts';

const LEASE_MS = 1_000;

function taken(entry: LimitEntry, wish: Parameters<typeof take>[1], now: number): LimitEntry | undefined {
  const answer = take(entry, wish, now, LEASE_MS);
  return 'entry' in answer ? answer.entry : undefined;
}

describe('a limit of concurrency', () => {
  it('gives as many places as it has, and a place again when one is given back', () => {
    const one = taken(EMPTY_ENTRY, { id: 'a', places: 1 }, 0) ?? EMPTY_ENTRY;
    expect(take(one, { id: 'b', places: 1 }, 1, LEASE_MS)).toEqual({
      refusal: { by: 'concurrency', freeAt: LEASE_MS },
    });
    expect(taken(release(one, 'a'), { id: 'b', places: 1 }, 2)).toBeDefined();
  });

  it('frees the place of a host that does not renew it, and keeps that of one that does', () => {
    const one = taken(EMPTY_ENTRY, { id: 'a', places: 1 }, 0) ?? EMPTY_ENTRY;
    expect(taken(one, { id: 'b', places: 1 }, LEASE_MS - 1)).toBeUndefined();
    expect(taken(one, { id: 'b', places: 1 }, LEASE_MS)).toBeDefined();
    const renewed = renew(one, new Set(['a']), 2 * LEASE_MS);
    expect(taken(renewed, { id: 'b', places: 1 }, LEASE_MS)).toBeUndefined();
  });

  it('does not renew a place that was lost', () => {
    expect(renew(EMPTY_ENTRY, new Set(['a']), 5)).toEqual(EMPTY_ENTRY);
  });
});

interface Step {
  /** How long after the step before the attempt asks. */
  readonly askedAfter: number;
  /** How long after that it starts. */
  readonly startedAfter: number;
  readonly end: 'confirms' | 'dies' | 'does not start';
}

const STEP: fc.Arbitrary<Step> = fc.record({
  askedAfter: fc.nat(400),
  startedAfter: fc.nat(LEASE_MS),
  end: fc.constantFrom('confirms', 'dies', 'does not start'),
});

/** When attempts start that ask one after the other. */
function startsOf(steps: readonly Step[], limit: number, periodMs: number): number[] {
  const starts: number[] = [];
  const changes: { readonly at: number; readonly id: string; readonly end: Step['end'] }[] = [];
  let entry = EMPTY_ENTRY;
  let now = 0;
  const change = (): void => {
    for (const { at, id, end } of changes.splice(0).toSorted((a, b) => a.at - b.at)) {
      if (at > now) changes.push({ at, id, end });
      else if (end === 'confirms') entry = confirm(entry, id, at);
      else if (end === 'does not start') entry = forgo(entry, id);
    }
  };
  for (const [n, { askedAfter, startedAfter, end }] of steps.entries()) {
    now += askedAfter;
    change();
    const id = String(n);
    const next = taken(entry, { id, rate: { limit, periodMs } }, now);
    if (next === undefined) continue;
    entry = next;
    const at = now + startedAfter;
    if (end !== 'does not start') starts.push(at);
    changes.push({ at, id, end });
  }
  return starts.toSorted((a, b) => a - b);
}

describe('a limit of rate', () => {
  it('counts a start from the end of its lease until it is confirmed, and not at all if it is given back', () => {
    const rate = { limit: 1, periodMs: 500 };
    const one = taken(EMPTY_ENTRY, { id: 'a', rate }, 0) ?? EMPTY_ENTRY;
    expect(take(one, { id: 'b', rate }, 1, LEASE_MS)).toEqual({
      refusal: { by: 'rateLimit', freeAt: LEASE_MS + 500 },
    });
    const confirmed = confirm(one, 'a', 7);
    expect(taken(confirmed, { id: 'b', rate }, 506)).toBeUndefined();
    expect(taken(confirmed, { id: 'b', rate }, 507)).toBeDefined();
    expect(taken(forgo(one, 'a'), { id: 'b', rate }, 1)).toBeDefined();
  });

  it('never lets more than its number start within a period, however late starts are and whenever hosts die', () => {
    const limits = fc.integer({ min: 1, max: 4 });
    const periods = fc.integer({ min: 1, max: 3_000 });
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 60 }), limits, periods, (steps, limit, periodMs) => {
        const starts = startsOf(steps, limit, periodMs);
        for (const [n, at] of starts.entries())
          expect((starts[n + limit] ?? Number.POSITIVE_INFINITY) - at).toBeGreaterThanOrEqual(periodMs);
      }),
    );
  });
});
