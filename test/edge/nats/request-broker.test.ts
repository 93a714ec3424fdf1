import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RequestBroker } from '../../../edge/nats/request-broker.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { pause } from '../../../shared/timers.ts';
import { MemoryConnection } from '../support/memory-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const { patienceMs } = new MemoryConnection();
const start = async (connectMs = 0): Promise<RequestBroker> =>
  await RequestBroker.start(
    new MemoryConnection(() => (connectMs === 0 ? Promise.resolve() : pause(connectMs))),
  );
const silence = (): Promise<never> => new Promise(() => undefined);

/** How long work takes, by the clock. */
async function durationOf(work: () => Promise<unknown>): Promise<number> {
  const began = Date.now();
  const done = work().then(() => Date.now() - began);
  await vi.runAllTimersAsync();
  return await done;
}

describe('the waits of one request', () => {
  it('end together after the time of one, when NATS does not answer', async () => {
    const duration = await durationOf(async () => {
      const broker = await start(patienceMs / 2);
      expect(await broker.ask(() => pause(patienceMs / 4).then(() => 'answer'))).toBe('answer');
      expect(await broker.ask(silence)).toBeUndefined();
      expect([broker.session, await broker.ask(async () => 'asked'), broker.leftMs]).toEqual([
        undefined,
        undefined,
        0,
      ]);
    });
    expect(duration).toBe(patienceMs);
  });

  it('begin when the request began, even if its broker is made later', async () => {
    const duration = await durationOf(async () => {
      const sinceMs = Date.now();
      await pause(patienceMs - 10);
      const broker = await RequestBroker.start(new MemoryConnection(), sinceMs);
      expect(await broker.ask(silence)).toBeUndefined();
    });
    expect(duration).toBe(patienceMs);
  });

  it('include one message that is sent after others', async () => {
    const duration = await durationOf(async () => {
      const broker = await start(patienceMs / 2);
      expect(await broker.askOnce(silence)).toBeUndefined();
    });
    expect(duration).toBe(patienceMs);
  });

  it('are not cut for a request that waits only for one message: that wait has a limit of its own', async () => {
    const broker = await start();
    const late = broker.askOnce(() => pause(patienceMs + 10).then(() => 'answer'));
    await vi.runAllTimersAsync();
    expect(await late).toBe('answer');
  });

  it('include a connect that begins late', async () => {
    const duration = await durationOf(async () => {
      const sinceMs = Date.now();
      await pause(patienceMs - 10);
      const connection = new MemoryConnection(() => pause(patienceMs));
      expect((await RequestBroker.start(connection, sinceMs)).session).toBeUndefined();
    });
    expect(duration).toBe(patienceMs);
  });

  it('end without a message to NATS when no time is left', async () => {
    const broker = await RequestBroker.start(new MemoryConnection(), Date.now() - patienceMs);
    const work = vi.fn(async () => 'answer');
    expect([await broker.ask(work), await broker.askOnce(work), broker.session]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(work).not.toHaveBeenCalled();
  });

  it('may be longer by what is no wait for NATS', async () => {
    const duration = await durationOf(async () => {
      const broker = await start();
      expect(await broker.ask(silence, 1_000)).toBeUndefined();
    });
    expect(duration).toBe(patienceMs + 1_000);
  });

  it('do not end for a question that was asked apart', async () => {
    const broker = await start();
    await vi.advanceTimersByTimeAsync(patienceMs);
    expect([broker.leftMs, broker.withOwnTime().leftMs]).toEqual([0, patienceMs]);
  });

  it('say nothing against the session, which other requests use', async () => {
    const connection = new MemoryConnection();
    const failures = vi.fn();
    const useSession = connection.useSession.bind(connection);
    connection.useSession = (session, work) =>
      useSession(session, work).catch((thrown: unknown): never => {
        failures(thrown);
        throw thrown;
      });
    const broker = await RequestBroker.start(connection);
    const asked = broker.ask(silence);
    await vi.runAllTimersAsync();
    expect([await asked, failures.mock.calls]).toEqual([undefined, []]);
  });

  it('do not hide an error that NATS answers with', async () => {
    const broker = await start();
    const refusal = new ThroughlineError('stream-full', 'no room');
    await expect(broker.ask(() => Promise.reject(refusal))).rejects.toBe(refusal);
  });
});
