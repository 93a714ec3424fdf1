import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe } from 'vitest';
import type { NatsServer } from '../../../../dev/nats-server/start.ts';
import { openSession } from '../../../../edge/nats/nats-session.ts';
import { OPERATIONS_BUCKET, streamDefinitions } from '../../../../shared/nats/streams.ts';
import { ensureStreams } from '../../../../worker-node/broker/provision.ts';
import { type OpenSession, sessionRules } from '../../../edge/support/session-rules.ts';
import { startTestNats } from '../../../support/nats/nats.ts';

let nats: NatsServer;
let connection: NatsConnection;
let open: OpenSession;
beforeAll(async () => {
  nats = await startTestNats();
  connection = await connect({ servers: nats.url });
  const log = { warn: () => undefined };
  await ensureStreams(await jetstreamManager(connection), streamDefinitions(1, true), log as never);
  const bucket = await new Kvm(jetstream(connection)).open(OPERATIONS_BUCKET);
  const announce: OpenSession['announce'] = async (key, value) => {
    await (value === undefined ? bucket.delete(key) : bucket.put(key, value));
  };
  const settings = { NATS_URL: { servers: [nats.webSocketUrl] }, BROKER_TIMEOUT_MS: 5_000 };
  open = { session: await openSession(settings, 'rules'), announce };
});
afterAll(async () => {
  open.session.close();
  await connection.close();
  await nats.stop();
});

describe('a session with a real NATS', () => sessionRules(() => open));
