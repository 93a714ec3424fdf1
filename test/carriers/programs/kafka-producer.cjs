// A program without any code for traces. OpenTelemetry's own instrumentation is loaded beside it.
const { Kafka } = require('kafkajs');

async function main() {
  const kafka = new Kafka({ brokers: [process.env.KAFKA], logLevel: 0 });
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic: 'orders', messages: [{ value: '{"order":7}' }] });
  await producer.disconnect();
}

void main();
