/** Loaded into a worker with `--import`: one terminal event in ten is acknowledged and not stored. */
import { JetStreamClientImpl } from '@nats-io/jetstream/internal';

const { publish } = JetStreamClientImpl.prototype;
let ends = 0;

JetStreamClientImpl.prototype.publish = async function (subject, data, options) {
  const isEnd = options?.headers?.get('Nats-Msg-Id').endsWith(':end') === true;
  if (isEnd) ends++;
  if (isEnd && ends % 10 === 0) return { stream: 'EVENTS', seq: 1, duplicate: false, domain: '' };
  return await publish.call(this, subject, data, options);
};
