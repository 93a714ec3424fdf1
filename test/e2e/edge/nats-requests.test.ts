import { errors, type NatsConnection, wsconnect } from '@nats-io/nats-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import { Requests } from '../../../edge/nats/jetstream/requests.ts';
import { startTestNats } from '../../support/nats/nats.ts';

const PATIENCE_MS = 5_000;

let server: NatsServer;
let nats: NatsConnection;
let other: NatsConnection;
beforeAll(async () => {
  server = await startTestNats();
  const connect = () => wsconnect({ servers: server.webSocketUrl, noAsyncTraces: true, reconnect: false });
  [nats, other] = await Promise.all([connect(), connect()]);
  other.subscribe('echo', { callback: (_, message) => void message.respond(message.data) });
  other.subscribe('silent', { callback: () => undefined });
  await other.flush();
});
afterAll(async () => {
  await Promise.all([nats.close(), other.close()]);
  await server.stop();
});

describe('requests of the edge to NATS', () => {
  it('get their own answers, side by side with those of the client', async () => {
    const requests = new Requests(nats, PATIENCE_MS);
    const texts = ['a', 'b', 'c'];
    const answers = await Promise.all([
      ...texts.map((text) => requests.send('echo', text)),
      nats.request('echo', 'd'),
    ]);
    expect(answers.map((answer) => answer.string())).toEqual([...texts, 'd']);
  });

  it('fail when nobody listens', async () => {
    const sent = new Requests(nats, PATIENCE_MS).send('nobody', '');
    await expect(sent).rejects.toBeInstanceOf(errors.NoRespondersError);
  });

  it('give up after their patience, the oldest first', async () => {
    const requests = new Requests(nats, 50);
    const ended: number[] = [];
    const send = async (n: number) => {
      await expect(requests.send('silent', '')).rejects.toBeInstanceOf(errors.TimeoutError);
      ended.push(n);
    };
    await Promise.all([send(1), send(2)]);
    expect(ended).toEqual([1, 2]);
  });

  it('end with the error of a lost connection, and later ones are answered', async () => {
    const requests = new Requests(nats, PATIENCE_MS);
    const waiting = [requests.send('silent', ''), requests.send('silent', '')];
    const ends = Promise.allSettled(waiting);
    const lost = new Error('lost');
    requests.endAll(lost);
    expect(await ends).toEqual(waiting.map(() => ({ status: 'rejected', reason: lost })));
    expect((await requests.send('echo', 'again')).string()).toBe('again');
  });

  it('fail when the connection is closed', async () => {
    const own = await wsconnect({ servers: server.webSocketUrl, noAsyncTraces: true, reconnect: false });
    const requests = new Requests(own, PATIENCE_MS);
    const sent = expect(requests.send('silent', '')).rejects.toThrow('connection closed');
    await own.close();
    await sent;
    await expect(requests.send('echo', '')).rejects.toBeInstanceOf(errors.ClosedConnectionError);
  });
});
