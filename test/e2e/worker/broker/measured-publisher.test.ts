import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NatsServer } from '../../../../dev/nats-server/start.ts';
import { measuredPublishing } from '../../../../worker-node/broker/measured-publisher.ts';
import { PublishRequests } from '../../../../worker-node/broker/publish/publish-requests.ts';
import { messageHeaders } from '../../../../worker-node/broker/stored-publisher.ts';
import { startTestNats } from '../../../support/nats/nats.ts';

const CONFIG = `max_payload: 65536
authorization: { users: [{ user: worker, password: secret, permissions: { publish: { deny: "dead.denied.>" } } }] }`;
const LOGIN = { user: 'worker', pass: 'secret' };
const SMALL = new TextEncoder().encode('{}');
const LARGE = new Uint8Array(2_000);
const TOO_LARGE = new Uint8Array(70_000);
/** Follows a message that is not there. */
const LATE = { headers: messageHeaders((set) => set('Nats-Expected-Last-Subject-Sequence', '999')) };

let server: NatsServer;
let nats: NatsConnection;
beforeAll(async () => {
  server = await startTestNats({ extraConfig: CONFIG });
  nats = await connect({ servers: server.url, noAsyncTraces: true, ...LOGIN });
  const { streams } = await jetstreamManager(nats);
  await streams.add({ name: 'EVENTS', subjects: ['events.>'], max_msg_size: 1_000 });
  await streams.add({ name: 'DEAD', subjects: ['dead.>'], max_bytes: 1_000, discard: 'new' });
});
afterAll(async () => {
  await nats.close();
  await server.stop();
});

it('says of each message whether NATS refused it, and why, or could not be asked', async () => {
  const sent: string[] = [];
  const { publish } = measuredPublishing(new PublishRequests(nats), {
    messageSent: (kind, ms, errorType = 'stored') => {
      expect(ms).toBeGreaterThanOrEqual(0);
      sent.push(`${kind}: ${errorType}`);
    },
  });
  await publish('events.a.b', SMALL);
  await expect(publish('events.a.b', SMALL, LATE)).rejects.toMatchObject({ code: 10071 });
  await expect(publish('events.a.b', LARGE)).rejects.toMatchObject({ code: 10054 });
  await expect(publish('events.a.b', TOO_LARGE)).rejects.toThrow('max_payload');
  await expect(publish('dead.a.b', LARGE)).rejects.toMatchObject({ code: 10077 });
  await expect(publish('dead.denied.b', SMALL)).rejects.toThrow('Permissions Violation');
  await expect(publish('callbacks.a.b', SMALL)).rejects.toMatchObject({ name: 'JetStreamNotEnabled' });
  await nats.close();
  await expect(publish('events.a.b', SMALL)).rejects.toThrow();
  expect(sent).toEqual([
    'events: stored',
    'events: broker-rejected',
    'events: payload-too-large',
    'events: payload-too-large',
    'dead: stream-full',
    'dead: broker-refused',
    'callbacks: broker-unavailable',
    'events: broker-unavailable',
  ]);
});
