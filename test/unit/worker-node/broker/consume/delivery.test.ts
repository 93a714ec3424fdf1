import type { JsMsg } from '@nats-io/jetstream';
import { describe, expect, it, vi } from 'vitest';
import { type Ack, deliveryOf } from '../../../../../worker-node/broker/consume/delivery.ts';
import { Stopwatch } from '../../../../../worker-node/broker/consume/stopwatch.ts';

const STORED = new Date('2026-01-01T00:00:01.000Z');
const BEFORE = STORED.getTime() - 1;

function message(deliveryCount = 1) {
  const answers = { ack: vi.fn(), nak: vi.fn(), term: vi.fn(), working: vi.fn() };
  const received = {
    ...answers,
    seq: 7,
    subject: 'jobs.normal.p0.a.b.c',
    time: STORED,
    info: { deliveryCount },
  };
  return {
    answers,
    delivery: (createdMs = BEFORE, after = 0) =>
      deliveryOf({ message: received as unknown as JsMsg, asked: new Stopwatch(), after }, createdMs),
  };
}

describe('the ack of a delivery', () => {
  it.each<[Ack, called: string, parameters: unknown[]]>([
    [{ kind: 'ack' }, 'ack', []],
    [{ kind: 'nak', delayMs: 500 }, 'nak', [500]],
    [{ kind: 'nak', delayMs: 0 }, 'nak', [0]],
    [{ kind: 'term', reason: 'operation-rejected' }, 'term', ['operation-rejected']],
  ])('%j calls %s once, and nothing else', (ack, called, parameters) => {
    const { answers, delivery } = message();
    delivery().settle(ack);
    const calls = Object.entries(answers).flatMap(([name, spy]) =>
      spy.mock.calls.map((call) => [name, call]),
    );
    expect(calls).toEqual([[called, parameters]]);
  });

  it('of a job that another delivery has tells the broker nothing (W4)', () => {
    const { answers, delivery } = message();
    delivery().settle({ kind: 'none' });
    for (const spy of Object.values(answers)) expect(spy).not.toHaveBeenCalled();
  });
});

describe('a delivery', () => {
  it('is the first if its consumer is older than the message and delivers it once', () => {
    expect(message(1).delivery()).toMatchObject({ isFirst: true, deliveryCount: 1, sequence: 7 });
    expect(message(2).delivery()).toMatchObject({ isFirst: false, deliveryCount: 2 });
  });

  it.each([
    ['was created at the same time', STORED.getTime()],
    ['was created later', STORED.getTime() + 1],
    ['was created at an unknown time', Number.POSITIVE_INFINITY],
  ])('may not be the first if its consumer %s: a deleted one may have delivered it', (_what, createdMs) => {
    expect(message(1).delivery(createdMs).isFirst).toBe(false);
  });

  it('may not be the first if the consumer had delivered a later message before: it was deleted and created again', () => {
    expect(message(1).delivery(BEFORE, 6).isFirst).toBe(true);
    expect(message(1).delivery(BEFORE, 7).isFirst).toBe(false);
  });
});
