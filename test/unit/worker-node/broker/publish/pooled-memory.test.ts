import { MsgHdrsImpl } from '@nats-io/nats-core';
import { DataBuffer, TE } from '@nats-io/nats-core/internal';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import {
  PooledHeaders,
  pooledUtf8,
  poolMemory,
} from '../../../../../worker-node/broker/publish/pooled-memory.ts';

/** A connection, as far as it is looked into. It sends what its commands and payloads have. */
function connectionWith(buffers: Uint8Array[]) {
  const outbound = new DataBuffer();
  for (const buffer of buffers) outbound.fill(buffer);
  const sendCommand = (command: string | Uint8Array, ...payloads: Uint8Array[]): void =>
    outbound.fill(typeof command === 'string' ? TE.encode(command) : command, ...payloads);
  const protocol = { outbound, sendCommand };
  return { outbound, protocol, connection: { protocol } as unknown as NatsConnection };
}

it.each(['', 'PUB a 5\r\n', 'größe', '日本語 🎉', 'half \ud800 a pair', 'x'.repeat(10_000)])(
  'a text has the same bytes as with the encoder of the platform: %.20s',
  (text) => {
    expect([...pooledUtf8(text)]).toEqual([...new TextEncoder().encode(text)]);
  },
);

it('a command and its payloads are sent in order, and only the command is encoded', () => {
  const { connection, protocol, outbound } = connectionWith([]);
  poolMemory(connection);
  const payload = new Uint8Array([120]);
  protocol.sendCommand('PUB größe 1\r\n', payload, new Uint8Array([13, 10]));
  protocol.sendCommand(new Uint8Array([80]));
  expect(Buffer.isBuffer(outbound.buffers[0])).toBe(true);
  expect(outbound.buffers[1]).toBe(payload);
  expect(Buffer.from(outbound.drain()).toString()).toBe('PUB größe 1\r\nx\r\nP');
});

it('headers have the same bytes as those of the client', () => {
  const ours = new PooledHeaders();
  const theirs = new MsgHdrsImpl();
  for (const written of [ours, theirs]) {
    written.append('one', 'größe');
    written.append('one', 'two');
    written.set('Nats-Msg-Id', 'job-1');
  }
  expect([...ours.encode()]).toEqual([...theirs.encode()]);
});

it('other connections of the process encode as before: one over a WebSocket sends the whole memory of a slice', () => {
  poolMemory(connectionWith([]).connection);
  const { buffer, byteLength } = TE.encode('PING');
  expect(buffer.byteLength).toBe(byteLength);
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
