import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { lastMessages } from '../../../../worker-node/broker/last-message.ts';
import { startTestNats } from '../../../support/nats/nats.ts';

const COUNT = 50;

it('the last messages of many subjects are asked for a few at a time, and each subject comes once', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const connection = await connect({ servers: nats.url });
  onTestFinished(() => connection.close());
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: 'MANY', subjects: ['many.>'] });
  for (let number = 0; number < COUNT; number++)
    for (const text of ['before', `last ${number}`])
      await manager.jetstream().publish(`many.${number}`, text);
  let [open, most] = [0, 0];
  const { streams } = manager;
  const getMessage = streams.getMessage.bind(streams);
  streams.getMessage = async (...asked) => {
    most = Math.max(most, ++open);
    try {
      return await getMessage(...asked);
    } finally {
      open--;
    }
  };
  const found: string[] = [];
  for await (const message of lastMessages(manager, 'MANY', 'many.*')) found.push(message.string());
  const wanted = Array.from({ length: COUNT }, (_, number) => `last ${number}`);
  expect(found.toSorted()).toEqual(wanted.toSorted());
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(16);
});
