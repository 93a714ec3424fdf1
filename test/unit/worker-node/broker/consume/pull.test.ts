import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { fetched, Pull } from '../../../../../worker-node/broker/consume/pull.ts';
import { Stopwatch } from '../../../../../worker-node/broker/consume/stopwatch.ts';

/** A pull at a server that sends what the test says. A message that is handed back is noted with its delay. */
function openPull(count: number) {
  const handedBack: [number, number | undefined][] = [];
  const sent: JsMsg[] = [];
  const reading: { isOver: boolean; wake: () => void } = { isOver: false, wake: () => undefined };
  const stop = (): void => {
    reading.isOver = true;
    reading.wake();
  };
  const next = (): Promise<void> =>
    new Promise((wake) => {
      reading.wake = wake;
    });
  async function* messages(): AsyncGenerator<JsMsg> {
    for (;;) {
      const message = sent.shift();
      if (message !== undefined) yield message;
      else if (reading.isOver) return;
      else await next();
    }
  }
  const send = (seq: number): void => {
    const nak = (delayMs?: number): void => void handedBack.push([seq, delayMs]);
    sent.push({ seq, nak } as JsMsg);
    reading.wake();
  };
  const open = { stop, [Symbol.asyncIterator]: messages } as unknown as ConsumerMessages;
  return {
    pull: new Pull(fetched(open), count, { asked: new Stopwatch(), ackWaitMs: 30_000 }),
    send,
    handedBack,
  };
}

it('a pull that ends gives a message to the next host at once, and only one that comes to it again waits until it has ended', async () => {
  const { pull, send, handedBack } = openPull(10);
  const taken: number[] = [];
  const all = pull.takeAll(({ seq }) => taken.push(seq));
  send(1);
  const ended = pull.end();
  // The end of a pull begins with the next message.
  send(2);
  send(3);
  send(2);
  await ended;
  await all;
  const delays = handedBack.filter(([seq]) => seq > 1);
  expect(taken.includes(2) || taken.includes(3)).toBe(false);
  expect(delays.slice(0, 2)).toEqual([
    [2, 0],
    [3, 0],
  ]);
  expect(delays.slice(2)).toEqual([[2, expect.any(Number)]]);
  // Longer than the time after which a pull ends.
  expect(delays[2]?.[1]).toBeGreaterThan(500);
});
