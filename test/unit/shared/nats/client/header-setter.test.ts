import { MsgHdrsImpl } from '@nats-io/nats-core';
import { describe, expect, it } from 'vitest';
import { headerSetter } from '../../../../../shared/nats/client/header-setter.ts';

const HEADERS = { 'Nats-Msg-Id': 'job-1', 'ce-time': ' 2026-11-27T12:00:00Z ', 'throughline-tags': 'a,ü' };

describe('the setter of the headers of a message', () => {
  it('writes what the NATS client itself writes', () => {
    const ours = new MsgHdrsImpl();
    const client = new MsgHdrsImpl();
    const set = headerSetter(ours);
    for (const [name, value] of Object.entries(HEADERS)) {
      set(name, 'before');
      set(name, value);
      client.set(name, value);
    }
    expect(ours.encode()).toEqual(client.encode());
  });

  it('refuses a value with a line break, which could forge a header', () => {
    const set = headerSetter(new MsgHdrsImpl());
    for (const value of ['a\r\nNats-Rollup: all', 'a\nb', 'a\r'])
      expect(() => set('ce-id', value)).toThrow('the header ce-id has a line break');
  });
});
