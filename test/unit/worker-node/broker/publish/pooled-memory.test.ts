import { DataBuffer, TE } from '@nats-io/nats-core/internal';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { poolMemory, pooledUtf8 } from '../../../../../worker-node/broker/publish/pooled-memory.ts';

/** A connection, as far as it is looked into. */
function connectionWith(buffers: Uint8Array[]) {
  const outbound = new DataBuffer();
  for (const buffer of buffers) outbound.fill(buffer);
  return { outbound, connection: { protocol: { outbound } } as unknown as NatsConnection };
}

it.each(['', 'PUB a 5\r\n', 'größe', '日本語 🎉', 'half \ud800 a pair', 'x'.repeat(10_000)])(
  'a text has the same bytes as with the encoder of the platform: %.20s',
  (text) => {
    expect([...pooledUtf8(text)]).toEqual([...new TextEncoder().encode(text)]);
  },
);

it('no text has no bytes', () => {
  expect(pooledUtf8()).toHaveLength(0);
});

it('the NATS client encodes in pooled memory from then on', () => {
  poolMemory(connectionWith([]).connection);
  expect(Buffer.isBuffer(TE.encode('PING'))).toBe(true);
});

it('what a connection puts together has all bytes in order, and stays when more is put together', () => {
  const { connection, outbound } = connectionWith(['a', 'bc', ''].map(pooledUtf8));
  poolMemory(connection);
  const first = outbound.drain();
  expect(outbound.length()).toBe(0);
  const other = connectionWith(['x', 'yz'].map(pooledUtf8));
  poolMemory(other.connection);
  expect(Buffer.from(other.outbound.drain(2)).toString()).toBe('xy');
  expect(Buffer.from(other.outbound.drain()).toString()).toBe('z');
  expect(Buffer.from(first).toString()).toBe('abc');
});

it('a connection that keeps its bytes elsewhere stays as it is', () => {
  for (const protocol of [undefined, {}, { outbound: {} }])
    expect(() => poolMemory({ protocol } as unknown as NatsConnection)).not.toThrow();
});
