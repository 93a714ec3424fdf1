import { JetStreamApiError, type JetStreamClient } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import type { ErrorCode } from '../../shared/errors.ts';
import { refusalCode } from '../../shared/nats/api-error.ts';
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

/** Why a message was not stored, by the codes that the edge has for the same (`edge/nats/broker-error.ts`). */
function errorTypeOf(thrown: unknown): ErrorCode {
  if (thrown instanceof JetStreamApiError)
    return refusalCode(thrown.status, thrown.code) ?? 'broker-unavailable';
  // The client compares a message with `max_payload` before it sends it.
  if (thrown instanceof errors.InvalidArgumentError)
    return thrown.message.includes('max_payload') ? 'payload-too-large' : 'internal';
  const isDenied =
    thrown instanceof errors.RequestError && thrown.cause instanceof errors.PermissionViolationError;
  return isDenied ? 'broker-refused' : 'broker-unavailable';
}
