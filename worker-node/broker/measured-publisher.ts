import { JetStreamApiError, type JetStreamClient } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import type { ErrorCode } from '../../shared/errors.ts';
import { API_CODE, isFullCode } from '../../shared/nats/api-error.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';

/** Publishes messages, and measures each try. */
export function measuredPublishing(
  jetStream: Pick<JetStreamClient, 'publish'>,
  metrics: Pick<WorkerMetrics, 'messageSent'>,
): Pick<JetStreamClient, 'publish'> {
  return {
    publish: (subject, payload, options) => {
      const began = performance.now();
      const kind = subject.slice(0, subject.indexOf('.'));
      return jetStream.publish(subject, payload, options).then(
        (stored) => {
          metrics.messageSent(kind, performance.now() - began);
          return stored;
        },
        (thrown) => {
          metrics.messageSent(kind, performance.now() - began, errorTypeOf(thrown));
          throw thrown;
        },
      );
    },
  };
}

/** Why a message was not stored, by the codes that the edge has for the same. */
function errorTypeOf(thrown: unknown): ErrorCode {
  // The client compares a message with `max_payload` before it sends it.
  if (thrown instanceof errors.InvalidArgumentError)
    return thrown.message.includes('max_payload') ? 'payload-too-large' : 'internal';
  if (!(thrown instanceof JetStreamApiError)) return 'broker-unavailable';
  if (isFullCode(thrown.code)) return 'stream-full';
  if (thrown.code === API_CODE.messageTooLarge) return 'payload-too-large';
  return thrown.status < SERVER_FAULT ? 'broker-rejected' : 'broker-unavailable';
}

/** From here on the status says that the server cannot do it now, whatever the message is. */
const SERVER_FAULT = 500;
