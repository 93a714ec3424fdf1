const { Kafka } = require('kafkajs');

async function main() {
  const admin = new Kafka({ brokers: [process.env.KAFKA], logLevel: 0 }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'orders' }, { topic: 'shipped' }], waitForLeaders: true });
  await admin.disconnect();
}

void main();
