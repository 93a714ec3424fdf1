import type { JetStreamClient } from '@nats-io/jetstream';
import { errorFrom } from '../../shared/error-table.ts';
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
          const { code } = errorFrom(thrown, 'broker-unavailable');
          metrics.messageSent(kind, performance.now() - began, code);
          throw thrown;
        },
      );
    },
  };
}
