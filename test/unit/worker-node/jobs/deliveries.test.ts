import type { JsMsg } from '@nats-io/jetstream';
import { describe, expect, it } from 'vitest';
import { Deliveries } from '../../../../worker-node/jobs/deliveries.ts';

const message = (seq: number, subject = 'jobs.acme.a.echo'): JsMsg => ({ seq, subject }) as unknown as JsMsg;

describe('a message that this process has', () => {
  it('is not taken a second time; its last delivery is the one to answer (W15)', () => {
    const deliveries = new Deliveries();
    const first = message(1);
    const delivery = deliveries.take(first);
    const again = message(1);
    expect(deliveries.take(again)).toBeUndefined();
    expect(delivery?.first).toBe(first);
    expect(delivery?.latest).toBe(again);
  });

  it('is taken again once it is settled', () => {
    const deliveries = new Deliveries();
    const delivery = deliveries.take(message(1));
    if (delivery !== undefined) deliveries.end(delivery);
    expect(deliveries.take(message(1))).toBeDefined();
  });

  it('is not another one, nor that of a stream that was made anew', () => {
    const deliveries = new Deliveries();
    for (const one of [message(1), message(2), message(1, 'jobs.acme.b.echo')])
      expect(deliveries.take(one)).toBeDefined();
  });
});
