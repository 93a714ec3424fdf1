import { headers as natsHeaders } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import { headerValues } from '../../../../shared/wire/headers.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';

describe('the headers of a NATS message', () => {
  it('are all found, however a producer writes their names', () => {
    const messageHeaders = natsHeaders();
    messageHeaders.append('ce-time', 'a');
    messageHeaders.append('Ce-Time', 'b');
    messageHeaders.append('CE-TIME', 'c');
    messageHeaders.append('ce-time', 'd');
    expect([...headerValues(messageHeaders)('ce-time')].sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(headerValues(messageHeaders)('ce-id')).toEqual([]);
  });

  it('may be missing', () => {
    expect(headerValues(undefined)('ce-time')).toEqual([]);
  });
});

describe('writing JSON', () => {
  it('writes undefined as null, since JSON cannot hold it', () => {
    expect(new TextDecoder().decode(writeJson(undefined))).toBe('null');
  });
});
