import type * as dev from '../../dev/index.ts';
import { CliError } from '../cli-error.ts';

type Dev = typeof dev;

/**
 * Loads the local stack. A deployment may lack it, and most commands do not need it.
 * @param lack what is said where it is not installed, and what helps besides its installation
 * @param load for tests
 * @throws CliError `usage-invalid` where it is not installed
 */
export async function loadDev(
  lack: { readonly message: string; readonly otherwise?: string },
  load: () => Promise<Dev> = () => import('../../dev/index.ts'),
): Promise<Dev> {
  try {
    return await load();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes('@throughline/dev')) throw cause;
    const install = 'run npm install --save-dev @throughline/dev';
    const hint = lack.otherwise === undefined ? install : `${lack.otherwise}, or ${install}`;
    throw new CliError('usage-invalid', lack.message, { cause, hint });
  }
}
