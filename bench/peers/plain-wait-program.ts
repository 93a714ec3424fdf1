/** The worker of `limits/minimal-wait.ts`, with plain nats.js: it stores the input of each job as an event, and acknowledges. */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const connection = await connect({ servers: process.argv[2] ?? '', noAsyncTraces: true });
const manager = await jetstreamManager(connection);
await manager.streams.add({ name: 'JOBS', subjects: ['jobs.>'], retention: 'workqueue' });
await manager.streams.add({ name: 'EVENTS', subjects: ['events.>'] });
await manager.consumers.add('JOBS', { durable_name: 'bench', ack_policy: 'explicit' });
const stream = jetstream(connection);
const consumer = await stream.consumers.get('JOBS', 'bench');
process.on('disconnect', () => process.exit(0));
await consumer.consume({
  callback: (message) => {
    const id = message.subject.split('.')[2] ?? '';
    void stream.publish(`events.bench.${id}`, message.data).then(() => message.ack());
  },
});
process.send?.('ready');
