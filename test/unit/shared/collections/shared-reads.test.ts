import { describe, expect, it } from 'vitest';
import { SharedReads } from '../../../../shared/collections/shared-reads.ts';

/** Reads that a test ends, one after the other. */
function setup(perTenant: number) {
  const reads = new SharedReads<string>(perTenant);
  const begun: { what: string; end: (text: string) => void }[] = [];
  const ask = (tenant: string, what: string): Promise<string> =>
    reads.read(tenant, what, () => {
      const { promise, resolve } = Promise.withResolvers<string>();
      begun.push({ what: `${tenant} ${what}`, end: resolve });
      return promise;
    });
  return { ask, begun };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('shared reads', () => {
  it('A32: cost a few reads, however many ask for the same thing at the same time', async () => {
    const { ask, begun } = setup(4);
    const first = Array.from({ length: 60 }, () => ask('acme', 'job-1'));
    await turn();
    const later: Promise<string>[] = [];
    for (let n = 0; n < 60; n++) {
      later.push(ask('acme', 'job-1'));
      await turn();
    }
    expect(begun.length).toBe(4);
    for (const { end } of begun) end('old');
    await turn();
    expect(begun.length).toBe(5);
    begun[4]?.end('new');
    expect(new Set(await Promise.all(first))).toEqual(new Set(['old']));
    expect(await later.at(-1)).toBe('new');
  });

  it('never give an answer that is older than the question', async () => {
    const { ask, begun } = setup(1);
    const before = ask('acme', 'job-1');
    await turn();
    const after = [ask('acme', 'job-1'), ask('acme', 'job-1')];
    begun[0]?.end('before');
    expect(await before).toBe('before');
    await turn();
    expect(begun.length).toBe(2);
    begun[1]?.end('after');
    expect(await Promise.all(after)).toEqual(['after', 'after']);
  });

  it('of one tenant do not hold up those of another, and are not shared with it', async () => {
    const { ask, begun } = setup(1);
    void ask('acme', 'job-1');
    void ask('acme', 'job-2');
    void ask('globex', 'job-1');
    await turn();
    expect(begun.map(({ what }) => what)).toEqual(['acme job-1', 'globex job-1']);
  });

  it('that fail make room for the next', async () => {
    const reads = new SharedReads<string>(1);
    const failing = reads.read('acme', 'a', () => Promise.reject(new Error('lost')));
    const next = reads.read('acme', 'b', async () => 'b');
    await expect(failing).rejects.toThrow('lost');
    expect(await next).toBe('b');
  });
});
