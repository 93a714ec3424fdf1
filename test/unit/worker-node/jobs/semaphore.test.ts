import { describe, expect, it } from 'vitest';
import { Semaphore } from '../../../../worker-node/jobs/semaphore.ts';

/** Work that ends when it is told to. */
function gates(count: number) {
  return Array.from({ length: count }, () => Promise.withResolvers<void>());
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a semaphore', () => {
  it('lets no more in than its limit, and the others in their order', async () => {
    const semaphore = new Semaphore(2);
    const doors = gates(5);
    const entered: number[] = [];
    const all = doors.map(({ promise }, index) =>
      semaphore.run(async () => {
        entered.push(index);
        await promise;
        return index;
      }),
    );
    for (const [index, door] of doors.entries()) {
      await turn();
      expect(entered).toEqual([0, 1, 2, 3, 4].slice(0, index + 2));
      door.resolve();
    }
    expect(await Promise.all(all)).toEqual([0, 1, 2, 3, 4]);
  });

  it('gives the room of a failure to the next', async () => {
    const semaphore = new Semaphore(1);
    const failing = semaphore.run(() => Promise.reject(new Error('broken')));
    const throwing = semaphore.run(() => {
      throw new Error('broken at once');
    });
    const next = semaphore.run(async () => 'in');
    await expect(failing).rejects.toThrow('broken');
    await expect(throwing).rejects.toThrow('broken at once');
    expect(await next).toBe('in');
  });

  it('hands its room over, so that nobody slips in between', async () => {
    const semaphore = new Semaphore(1);
    const order: string[] = [];
    const enter = (name: string) => semaphore.run(async () => void order.push(name));
    const first = enter('first').then(() => enter('late'));
    await Promise.all([first, enter('second'), enter('third')]);
    expect(order).toEqual(['first', 'second', 'third', 'late']);
  });

  it('without a limit lets everybody in at once', async () => {
    const semaphore = new Semaphore(Number.POSITIVE_INFINITY);
    let inside = 0;
    const door = Promise.withResolvers<void>();
    const all = Array.from({ length: 1_000 }, () =>
      semaphore.run(() => {
        inside++;
        return door.promise;
      }),
    );
    expect(inside).toBe(1_000);
    door.resolve();
    await Promise.all(all);
  });
});
