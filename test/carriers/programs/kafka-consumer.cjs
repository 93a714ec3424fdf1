// A program without any code for traces. OpenTelemetry's own instrumentation is loaded beside it.
const { Kafka } = require('kafkajs');

async function main() {
  const consumer = new Kafka({ brokers: [process.env.KAFKA], logLevel: 0 }).consumer({ groupId: 'mail' });
  const { promise: received, resolve } = Promise.withResolvers();
  await consumer.connect();
  await consumer.subscribe({ topics: ['shipped'], fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => resolve(String(message.value)) });
  process.stdout.write(`${await received}\n`);
  await consumer.disconnect();
}

void main();
