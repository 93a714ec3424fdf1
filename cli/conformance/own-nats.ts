import type { LocalNats } from '../../dev/index.ts';
import { CliError } from '../cli-error.ts';

/**
 * Starts a nats-server with an empty store.
 * @param log takes each line of progress, if one has to be fetched
 * @throws CliError `usage-invalid` when the package for it is not installed
 */
export async function startOwnNats(log: (line: string) => void): Promise<LocalNats> {
  const { startLocalNats } = await loadDev();
  return await startLocalNats(log);
}

async function loadDev() {
  try {
    return await import('../../dev/index.ts');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes('@throughline/dev')) throw cause;
    throw new CliError('usage-invalid', 'a nats-server of its own needs the package of the local stack', {
      cause,
      hint: 'give --nats with the address of one, or run npm install --save-dev @throughline/dev',
    });
  }
}
