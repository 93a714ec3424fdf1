import type { JetStreamClient } from '@nats-io/jetstream';
import { errorFrom } from '../../shared/error-table.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';

/** Publishes messages, and measures each try. */
export function measuredPublishing(
  jetStream: Pick<JetStreamClient, 'publish'>,
  metrics: Pick<WorkerMetrics, 'messageSent'>,
): Pick<JetStreamClient, 'publish'> {
  return {
    publish: async (subject, payload, options) => {
      const began = performance.now();
      const [kind = ''] = subject.split('.', 1);
      try {
        const stored = await jetStream.publish(subject, payload, options);
        metrics.messageSent(kind, performance.now() - began);
        return stored;
      } catch (thrown) {
        metrics.messageSent(kind, performance.now() - began, errorFrom(thrown, 'broker-unavailable').code);
        throw thrown;
      }
    },
  };
}
