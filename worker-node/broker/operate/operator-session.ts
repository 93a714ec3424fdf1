import { ThroughlineError } from '../../../shared/errors.ts';
import { API_CODE } from '../../../shared/nats/api-error.ts';
import { INBOX } from '../../../shared/wire/subjects.ts';
import { workerConfig, workerWarnings } from '../../config.ts';
import { requestError } from '../checks/failure-reason.ts';
import { hasApiCode } from '../connection/api-error.ts';
import type { Broker } from '../connection/broker.ts';
import { connectBroker } from '../connection/connect.ts';

/**
 * Connects to NATS as the user of `throughline setup`, for as long as `work` takes.
 * @param environment the worker's settings say where NATS is
 * @param warn gets a sentence for each setting that changes nothing
 * @throws ThroughlineError `config-invalid`, `broker-unavailable`, or whatever `work` throws
 */
export async function withOperator<T>(
  environment: Readonly<Record<string, string | undefined>>,
  warn: (sentence: string) => void,
  work: (broker: Broker) => Promise<T>,
): Promise<T> {
  const config = workerConfig(environment);
  workerWarnings(environment).forEach(warn);
  const broker = await connectBroker({ ...config, WORKER_NAME: 'throughline-operator' }, INBOX.setup);
  try {
    return await work(broker);
  } catch (thrown) {
    if (!hasApiCode(thrown, API_CODE.streamNotFound)) throw await requestError(broker, thrown);
    throw new ThroughlineError('config-invalid', 'a stream is missing; run `throughline setup`', {
      cause: thrown,
    });
  } finally {
    await broker.connection.close();
  }
}
