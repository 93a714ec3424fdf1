/**
 * What to do when NATS answers, but stores nothing. After a full disk nats-server does not write to a stream again until it is
 * restarted, also when there is room (tried with 2.14.5). It gives no answer to the messages.
 */
export const STORES_NOTHING =
  'NATS answers, but stores nothing: its disk is or was full (free space, then restart nats-server), or the stream is gone';
