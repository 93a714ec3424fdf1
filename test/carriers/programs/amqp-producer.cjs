// A program without any code for traces. OpenTelemetry's own instrumentation is loaded beside it.
const { connect } = require('amqplib');

async function main() {
  const connection = await connect(process.env.RABBITMQ);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('invoices');
  channel.sendToQueue('invoices', Buffer.from('{"invoice":7}'), { messageId: 'invoice-7' });
  await channel.waitForConfirms();
  await connection.close();
}

void main();
