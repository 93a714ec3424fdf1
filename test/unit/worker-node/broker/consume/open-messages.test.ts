import { describe, expect, it } from 'vitest';
import { OpenMessages } from '../../../../../worker-node/broker/consume/open-messages.ts';
import { delivery } from '../../support.ts';

const message = (sequence: number, subject = 'jobs.normal.p3.acme.a.echo') => delivery({ sequence, subject });

describe('a message that this process handles', () => {
  it('is not opened again; its latest delivery is the one to answer (W15)', () => {
    const messages = new OpenMessages();
    const first = message(1);
    const open = messages.open(first);
    const again = message(1);
    expect(messages.open(again)).toBeUndefined();
    expect(open?.first).toBe(first);
    expect(open?.latest).toBe(again);
  });

  it('is opened again after it was closed', () => {
    const messages = new OpenMessages();
    const open = messages.open(message(1));
    if (open !== undefined) messages.close(open);
    expect(messages.open(message(1))).toBeDefined();
  });

  it('is not another one, nor one with its sequence in a stream that was created again', () => {
    const messages = new OpenMessages();
    for (const one of [message(1), message(2), message(1, 'jobs.normal.p3.acme.b.echo')])
      expect(messages.open(one)).toBeDefined();
  });
});
