/** Loaded into a worker with `--import`: one terminal event in ten is acknowledged and not stored. */
import { NatsConnectionImpl } from '@nats-io/nats-core/internal';

const { publish } = NatsConnectionImpl.prototype;
const ACK = JSON.stringify({ stream: 'EVENTS', seq: 1 });
let ends = 0;

NatsConnectionImpl.prototype.publish = function (subject, data, options) {
  const isEnd = options?.headers?.get('Nats-Msg-Id').endsWith(':end') === true;
  if (isEnd) ends++;
  if (isEnd && ends % 10 === 0 && options?.reply !== undefined) publish.call(this, options.reply, ACK);
  else publish.call(this, subject, data, options);
};
