import { describe, expect, it, vi } from 'vitest';
import { Loss } from '../../../edge/nats/loss.ts';

describe('a loss', () => {
  it('keeps no listener of a call that has ended', async () => {
    const loss = new Loss();
    for (let call = 0; call < 1_000; call++) await loss.race(Promise.resolve(call), () => 'lost');
    await loss.race(Promise.reject(new Error('refused')), () => 'lost').catch(() => undefined);
    expect(loss.listeners).toBe(0);
  });

  it('ends every open call, each in its own way', async () => {
    const loss = new Loss();
    const open = new Promise<never>(() => undefined);
    const values = loss.race(open, () => 'lost');
    const errors = loss.race(open, () => {
      throw new Error('lost');
    });
    loss.happen();
    expect(await values).toBe('lost');
    await expect(errors).rejects.toThrow('lost');
    expect(loss.listeners).toBe(0);
  });

  it('calls a late listener immediately, and no listener twice', () => {
    const loss = new Loss();
    const early = vi.fn();
    const left = vi.fn();
    const late = vi.fn();
    loss.listen(early);
    loss.listen(left)();
    loss.happen();
    loss.happen();
    loss.listen(late);
    expect([early, left, late].map((take) => take.mock.calls.length)).toEqual([1, 0, 1]);
  });
});
