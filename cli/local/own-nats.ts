import type { LocalNats } from '../../dev/index.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { loadDev } from './load-dev.ts';

const LACK = {
  message: 'a nats-server of its own needs the package of the local stack',
  otherwise: 'give --nats with the address of one',
};

/** What starts it. */
interface LocalStack {
  readonly startLocalNats: (log: (line: string) => void) => Promise<LocalNats>;
}

/**
 * Starts a nats-server with an empty store.
 * @param log takes each line of progress, if one has to be fetched
 * @param load for tests
 * @throws CliError `usage-invalid` when the package for it is not installed
 * @throws ThroughlineError `broker-unavailable` with what was tried, when there is none and none can be fetched
 */
export async function startOwnNats(
  log: (line: string) => void,
  load: () => Promise<LocalStack> = () => loadDev(LACK),
): Promise<LocalNats> {
  const { startLocalNats } = await load();
  return await startLocalNats(log).catch((cause: Error) => {
    const message = `${cause.message}\n  - give --nats with the address of a NATS that nobody else uses`;
    throw new ThroughlineError('broker-unavailable', message, { cause });
  });
}
