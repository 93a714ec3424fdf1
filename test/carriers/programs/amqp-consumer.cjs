// A program without any code for traces. OpenTelemetry's own instrumentation is loaded beside it.
const { connect } = require('amqplib');

async function main() {
  const connection = await connect(process.env.RABBITMQ);
  const channel = await connection.createChannel();
  const { promise: received, resolve } = Promise.withResolvers();
  await channel.assertQueue('sent');
  await channel.consume('sent', (message) => {
    channel.ack(message);
    resolve(message.content.toString());
  });
  process.stdout.write(`${await received}\n`);
  await connection.close();
}

void main();
