import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Dialled, dialInTurn } from '../../../edge/nats/dial-in-turn.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const PATIENCE_MS = 100;

/** Servers that the test lets answer or fail, and what was done with them. */
function servers(...names: string[]) {
  const asked: string[] = [];
  const closed: string[] = [];
  const answers = new Map(names.map((name) => [name, Promise.withResolvers<string>()]));
  const dial = (server: string): Promise<string> => {
    asked.push(server);
    return answers.get(server)?.promise ?? Promise.reject(new Error('no such server'));
  };
  const close = (connection: string): void => void closed.push(connection);
  const start = (): Promise<Dialled<string>> => {
    const dialled = dialInTurn(names, { dial, close, patienceMs: PATIENCE_MS });
    dialled.catch(() => undefined);
    return dialled;
  };
  return {
    asked,
    closed,
    start,
    opens: (name: string) => answers.get(name)?.resolve(`to ${name}`),
    fails: (name: string) => answers.get(name)?.reject(new Error(`${name} is away`)),
  };
}

describe('servers that are tried in turn', () => {
  it('are left alone once the first has answered', async () => {
    const { asked, start, opens } = servers('a', 'b');
    const dialled = start();
    opens('a');
    expect(await dialled).toEqual({ server: 'a', connection: 'to a' });
    await vi.advanceTimersByTimeAsync(10 * PATIENCE_MS);
    expect(asked).toEqual(['a']);
  });

  it('come next immediately if the one before fails', async () => {
    const { asked, start, opens, fails } = servers('a', 'b');
    const dialled = start();
    fails('a');
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toEqual(['a', 'b']);
    opens('b');
    expect(await dialled).toEqual({ server: 'b', connection: 'to b' });
  });

  it('come next beside one that stays silent, and a connection that opens too late is closed', async () => {
    const { asked, closed, start, opens } = servers('a', 'b', 'c');
    const dialled = start();
    await vi.advanceTimersByTimeAsync(PATIENCE_MS - 1);
    expect(asked).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toEqual(['a', 'b']);
    opens('b');
    expect(await dialled).toEqual({ server: 'b', connection: 'to b' });
    opens('a');
    await vi.advanceTimersByTimeAsync(10 * PATIENCE_MS);
    expect([asked, closed]).toEqual([['a', 'b'], ['to a']]);
  });

  it('are waited for when the last of them was asked', async () => {
    const { start, opens, fails } = servers('a', 'b');
    const dialled = start();
    await vi.advanceTimersByTimeAsync(PATIENCE_MS);
    fails('b');
    await vi.advanceTimersByTimeAsync(100 * PATIENCE_MS);
    opens('a');
    expect(await dialled).toEqual({ server: 'a', connection: 'to a' });
  });

  it('have failed when all of them have', async () => {
    const { start, fails } = servers('a', 'b');
    const dialled = start();
    fails('a');
    fails('b');
    await expect(dialled).rejects.toThrow('b is away');
  });
});
