import { describe, expect, it } from 'vitest';
import { Semaphore } from '../../../../../worker-node/jobs/attempt/semaphore.ts';
import { IDLE } from '../../support.ts';

/** Promises that a test resolves, so that work ends when the test says so. */
function gates(count: number) {
  return Array.from({ length: count }, () => Promise.withResolvers<void>());
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a semaphore', () => {
  it('runs no more than its limit at the same time, and the others in their order', async () => {
    const semaphore = new Semaphore(2);
    const doors = gates(5);
    const entered: number[] = [];
    const all = doors.map(({ promise }, index) =>
      semaphore.run(async () => {
        entered.push(index);
        await promise;
        return index;
      }, IDLE),
    );
    for (const [index, door] of doors.entries()) {
      await turn();
      expect(entered).toEqual([0, 1, 2, 3, 4].slice(0, index + 2));
      door.resolve();
    }
    expect(await Promise.all(all)).toEqual([0, 1, 2, 3, 4]);
  });

  it('gives the place of work that failed to the next', async () => {
    const semaphore = new Semaphore(1);
    const failing = semaphore.run(() => Promise.reject(new Error('broken')), IDLE);
    const throwing = semaphore.run(() => {
      throw new Error('broken immediately');
    }, IDLE);
    const next = semaphore.run(async () => 'in', IDLE);
    await expect(failing).rejects.toThrow('broken');
    await expect(throwing).rejects.toThrow('broken immediately');
    expect(await next).toBe('in');
  });

  it('gives a place to the next directly, so that a newcomer cannot take it', async () => {
    const semaphore = new Semaphore(1);
    const order: string[] = [];
    const enter = (name: string) => semaphore.run(async () => void order.push(name), IDLE);
    const first = enter('first').then(() => enter('late'));
    await Promise.all([first, enter('second'), enter('third')]);
    expect(order).toEqual(['first', 'second', 'third', 'late']);
  });

  it('without a limit runs everything at the same time', async () => {
    const semaphore = new Semaphore(Number.POSITIVE_INFINITY);
    let inside = 0;
    const door = Promise.withResolvers<void>();
    const all = Array.from({ length: 1_000 }, () =>
      semaphore.run(() => {
        inside++;
        return door.promise;
      }, IDLE),
    );
    expect(inside).toBe(1_000);
    door.resolve();
    await Promise.all(all);
  });

  it('lets work that is aborted run immediately, out of turn, and keeps no place for it', async () => {
    const semaphore = new Semaphore(1);
    const door = Promise.withResolvers<void>();
    const abort = new AbortController();
    const order: string[] = [];
    const enter = (name: string, signal: AbortSignal) =>
      semaphore.run(async () => void order.push(name), signal);
    const first = semaphore.run(() => door.promise, IDLE);
    const aborted = enter('aborted', abort.signal);
    const next = enter('next', IDLE);
    abort.abort();
    await aborted;
    await enter('aborted before', abort.signal);
    expect(order).toEqual(['aborted', 'aborted before']);
    door.resolve();
    await Promise.all([first, next]);
    expect(order.at(-1)).toBe('next');
    await enter('later', IDLE);
  });
});
