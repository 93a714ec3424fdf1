import { describe, expect, it } from 'vitest';
import { Turns } from '../../../../../worker-node/broker/consume/turns.ts';

/** How often each member has its turn in `count` turns. */
function shares(turns: Turns<string>, members: readonly string[], count: number): Record<string, number> {
  const shares: Record<string, number> = Object.fromEntries(members.map((member) => [member, 0]));
  for (let turn = 0; turn < count; turn++) {
    const next = turns.next(members) ?? '';
    shares[next] = (shares[next] ?? 0) + 1;
  }
  return shares;
}

describe('turns', () => {
  it('are shared by weight, and nobody is left out', () => {
    const weights: Record<string, number> = { high: 16, normal: 4, low: 1 };
    const turns = new Turns<string>((member) => weights[member] ?? 1);
    expect(shares(turns, ['high', 'normal', 'low'], 2_100)).toEqual({ high: 1_600, normal: 400, low: 100 });
  });

  it('are not saved up by a member that had nothing to do', () => {
    const turns = new Turns<string>(() => 1);
    shares(turns, ['busy'], 1_000);
    const { busy, late } = shares(turns, ['busy', 'late'], 100);
    expect(busy).toBeGreaterThanOrEqual(49);
    expect(late).toBeGreaterThanOrEqual(49);
  });

  it('are nobody’s while there are no members', () => {
    expect(new Turns<string>(() => 1).next([])).toBeUndefined();
  });
});
