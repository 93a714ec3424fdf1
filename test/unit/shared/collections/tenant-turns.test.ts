import { describe, expect, it } from 'vitest';
import { TenantTurns } from '../../../../shared/collections/tenant-turns.ts';

/** Work that a test ends. */
function setup(room: number) {
  const turns = new TenantTurns(room);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const take = (tenant: string, name: string, size: number): Promise<string> =>
    turns.take(tenant, size, async () => {
      begun.push(name);
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.set(name, resolve);
      await promise;
      return name;
    });
  return { turns, take, begun, end: (name: string) => ends.get(name)?.() };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the turns of tenants', () => {
  it('are given in order, as long as there is room', async () => {
    const { take, begun, end } = setup(10);
    const all = [take('acme', 'a', 6), take('acme', 'b', 5), take('acme', 'c', 4)];
    expect(begun).toEqual([]);
    await turn();
    // `c` would fit, but `b` came before.
    expect(begun).toEqual(['a']);
    end('a');
    await turn();
    expect(begun).toEqual(['a', 'b', 'c']);
    end('b');
    end('c');
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c']);
  });

  it('of one tenant do not hold up those of another', async () => {
    const { take, begun } = setup(1);
    void take('acme', 'a', 1);
    void take('acme', 'b', 1);
    void take('globex', 'c', 1);
    await turn();
    expect(begun).toEqual(['a', 'c']);
  });

  it('are given to work that needs more than all room when nothing else is under way', async () => {
    const { take, begun, end } = setup(1);
    void take('acme', 'a', 1);
    void take('acme', 'large', 5);
    await turn();
    expect(begun).toEqual(['a']);
    end('a');
    await turn();
    expect(begun).toEqual(['a', 'large']);
  });

  it('are given back by work that fails', async () => {
    const { turns, take, begun } = setup(1);
    const failing = turns.take('acme', 1, () => Promise.reject(new Error('lost')));
    void take('acme', 'next', 1);
    await expect(failing).rejects.toThrow('lost');
    await turn();
    expect(begun).toEqual(['next']);
  });
});
