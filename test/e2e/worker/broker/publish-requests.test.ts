import { JetStreamApiError, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, errors, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NatsServer } from '../../../../dev/nats-server/start.ts';
import { PublishRequests } from '../../../../worker-node/broker/publish/publish-requests.ts';
import { messageHeaders } from '../../../../worker-node/broker/stored-publisher.ts';
import { startTestNats } from '../../../support/nats/nats.ts';

const BODY = new TextEncoder().encode('{}');

let server: NatsServer;
let nats: NatsConnection;
let manager: JetStreamManager;
beforeAll(async () => {
  server = await startTestNats();
  nats = await connect({ servers: server.url, noAsyncTraces: true });
  manager = await jetstreamManager(nats);
  await manager.streams.add({ name: 'EVENTS', subjects: ['events.>'] });
});
afterAll(async () => {
  await nats.close();
  await server.stop();
});

const withHeader = (name: string, value: string) => ({
  headers: messageHeaders((set) => set(name, value)),
});

describe('a publish that waits for JetStream', () => {
  it('gives the sequence of the stored message, and each call gets its own answer', async () => {
    const requests = new PublishRequests(nats);
    const stored = await Promise.all(['a', 'b', 'c'].map((id) => requests.publish(`events.one.${id}`, BODY)));
    for (const [n, { seq, duplicate }] of stored.entries()) {
      expect(duplicate).toBe(false);
      expect((await manager.streams.getMessage('EVENTS', { seq }))?.subject).toBe(
        `events.one.${['a', 'b', 'c'][n]}`,
      );
    }
  });

  it('says that the broker knows the message id', async () => {
    const requests = new PublishRequests(nats);
    const once = () => requests.publish('events.two.a', BODY, withHeader('Nats-Msg-Id', 'same'));
    const { seq } = await once();
    expect(await once()).toMatchObject({ seq, duplicate: true });
  });

  it('rejects with the code of JetStream when the expected sequence is another one', async () => {
    const expecting = withHeader('Nats-Expected-Last-Subject-Sequence', '999');
    const refused = await new PublishRequests(nats)
      .publish('events.three.a', BODY, expecting)
      .catch((thrown: unknown) => thrown);
    expect(refused).toBeInstanceOf(JetStreamApiError);
    expect((refused as JetStreamApiError).code).toBe(10071);
  });

  it('says so when no stream takes the subject', async () => {
    await expect(new PublishRequests(nats).publish('nothing.here', BODY)).rejects.toMatchObject({
      name: 'JetStreamNotEnabled',
    });
  });

  it('gives up after its patience, the oldest request first', async () => {
    const silent = nats.subscribe('silent.>', { callback: () => undefined });
    const ended: string[] = [];
    const requests = new PublishRequests(nats, 50);
    const subjects = ['silent.a', 'silent.b'];
    const tries = subjects.map(async (subject) => {
      await expect(requests.publish(subject, BODY)).rejects.toBeInstanceOf(errors.TimeoutError);
      ended.push(subject);
    });
    await Promise.all(tries);
    expect(ended).toEqual(subjects);
    silent.unsubscribe();
  });

  it('rejects what waits when the connection closes, and what comes after that', async () => {
    const connection = await connect({ servers: server.url, noAsyncTraces: true });
    const requests = new PublishRequests(connection);
    const silent = nats.subscribe('closing.>', { callback: () => undefined });
    await nats.flush();
    const waiting = requests.publish('closing.a', BODY);
    const rejected = expect(waiting).rejects.toThrow('connection closed');
    await connection.close();
    await rejected;
    await expect(requests.publish('events.four.a', BODY)).rejects.toBeInstanceOf(
      errors.ClosedConnectionError,
    );
    silent.unsubscribe();
  });
});

it('a header with a line break is refused before anything is sent', () => {
  expect(() => messageHeaders((set) => set('ce-id', 'a\r\nNats-Rollup: all'))).toThrow(
    errors.InvalidArgumentError,
  );
});
