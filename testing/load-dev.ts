import type * as dev from '../dev/index.ts';

type Dev = typeof dev;

/**
 * Loads the local stack. It is a package of its own, since only tests need workerd.
 * @throws Error with the command that installs it
 */
export async function loadDev(load: () => Promise<Dev> = () => import('../dev/index.ts')): Promise<Dev> {
  try {
    return await load();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes('@throughline/dev')) throw cause;
    throw new Error('startStack needs the local stack: npm install --save-dev @throughline/dev', { cause });
  }
}
