/** Attributes that only the spans of nats-server have. */
export const BROKER_ATTR = {
  envelopeSize: 'messaging.message.envelope.size',
  server: 'throughline.broker.server',
  cluster: 'throughline.broker.cluster',
  account: 'throughline.broker.account',
  connection: 'throughline.broker.connection',
  connectionName: 'throughline.broker.connection_name',
  hop: 'throughline.broker.hop',
  mapping: 'throughline.broker.mapping',
  stream: 'throughline.broker.stream',
  subscription: 'throughline.broker.subscription',
  refusal: 'throughline.broker.refusal',
  leftOut: 'throughline.broker.steps_left_out',
} as const;
