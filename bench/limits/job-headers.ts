import { headers, type MsgHdrs } from '@nats-io/nats-core';

/** The headers of a job's message that the limits send. */
export function jobHeaders(id: string): MsgHdrs {
  const message = headers();
  message.set('Nats-Msg-Id', id);
  message.set('ce-specversion', '1.0');
  message.set('ce-id', id);
  message.set('ce-source', '/bench');
  message.set('ce-type', 'dev.throughline.job.submitted');
  message.set('ce-time', new Date().toISOString());
  message.set('content-type', 'application/json');
  return message;
}
