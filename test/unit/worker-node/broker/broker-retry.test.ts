import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { BrokerRetry } from '../../../../worker-node/broker/broker-retry.ts';
import { IDLE } from '../support.ts';

const refusal = (code: number, description = 'refused') =>
  new JetStreamApiError({ code: 503, err_code: code, description });

/** Work that fails this many times, and then returns 7. */
function failing(times: number, error: () => Error) {
  const tries = { count: 0 };
  const work = async (): Promise<number> => {
    if (++tries.count <= times) throw error();
    return 7;
  };
  return { tries, work };
}

function retryWith(patience: AbortSignal = IDLE) {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  return { retry: new BrokerRetry({ log, patience }), lines };
}

describe('work that the broker does not do immediately', () => {
  it.each<[string, () => Error]>([
    ['it does not answer', () => new errors.TimeoutError()],
    ['a stream is full', () => refusal(10077, 'maximum messages exceeded')],
    ['its disk is full', () => refusal(10047, 'insufficient storage resources available')],
    ['something else', () => new Error('no')],
  ])('is tried again: %s (W14, N9, N10)', async (_what, error) => {
    const { retry } = retryWith();
    const { tries, work } = failing(3, error);
    expect(await retry.run('events cannot be stored', work)).toBe(7);
    expect(tries.count).toBe(4);
  });

  it('is a problem as long as it fails, and one line in the log, however many callers wait', async () => {
    const { retry, lines } = retryWith();
    let full = true;
    const waiting = Array.from({ length: 100 }, () =>
      retry.run('events cannot be stored', async () => {
        if (full) throw refusal(10077, 'full');
      }),
    );
    await vi.waitFor(() => expect(retry.problem).toBe('events cannot be stored: full'), 60_000);
    full = false;
    await Promise.all(waiting);
    expect(retry.problem).toBeUndefined();
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      'the broker fails; jobs are held until it is back',
      'the broker is back',
    ]);
  });
});

describe('work that the broker will never do', () => {
  it.each<[string, () => Error]>([
    ['another event is there', () => refusal(10071, 'wrong last sequence: 4')],
    ['another event is there (in a cluster)', () => refusal(10164)],
    ['the message is too large for the stream', () => refusal(10054)],
    ['the message is too large for the server', () => new errors.InvalidArgumentError('payload')],
    ['the connection was closed', () => new errors.ClosedConnectionError()],
  ])('is tried once: %s', async (_what, error) => {
    const { retry } = retryWith();
    const { tries, work } = failing(1, error);
    await expect(retry.run('events cannot be stored', work)).rejects.toMatchObject({
      code: 'broker-unavailable',
    });
    expect(tries.count).toBe(1);
    expect(retry.problem).toBeUndefined();
  });
});

describe('a worker whose patience is over', () => {
  it('tries once', async () => {
    const { retry } = retryWith(AbortSignal.abort());
    const { tries, work } = failing(1, () => new Error('no'));
    await expect(retry.run('events cannot be stored', work)).rejects.toThrow('events cannot be stored: no');
    expect(tries.count).toBe(1);
  });

  it('stops trying, and does not wait until the pause is over', async () => {
    const stop = new AbortController();
    const { retry } = retryWith(stop.signal);
    const { work } = failing(Number.POSITIVE_INFINITY, () => new Error('no'));
    const running = retry.run('events cannot be stored', work);
    stop.abort();
    await expect(running).rejects.toThrow('events cannot be stored: no');
  });
});
