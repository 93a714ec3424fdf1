/**
 * What to do when NATS answers, but stores nothing. After a full disk nats-server does not write to a stream again until it is
 * restarted, also when there is room (tried with 2.14.5). It gives no answer to the messages.
 */
export const STORES_NOTHING =
  'NATS answers, but stores nothing: its disk is or was full (free space, then restart nats-server), the stream is gone, or most servers of the cluster are away';

/** What to do when a cluster has no leader. One of its servers alone answers pings, and stores nothing. */
export const NO_LEADER =
  'JetStream has no leader: more than half of the servers of the cluster must run, and reach each other';
