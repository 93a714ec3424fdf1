import type { Command } from 'commander';
import { CliError } from '../../cli-error.ts';
import type { Host } from '../../host.ts';

/** `dev …`. All that follows the name is parsed by dev/main.ts, also `--help`. */
export function defineDev(program: Command, host: Host): Command {
  return program
    .command('dev')
    .description('Runs all of Throughline on this machine: see `throughline dev --help`.')
    .argument('[args...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(
      async (args: string[], _flags: unknown, command: Command) =>
        await host.runLocal(command, async () => {
          const { main } = await loadDev();
          return await main(args);
        }),
    );
}

/**
 * Loads the local stack. A deployment may lack it, and no other command needs it.
 * @throws CliError `usage-invalid` when it is not installed
 */
async function loadDev() {
  try {
    return await import('../../../dev/index.ts');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes('@throughline/dev')) throw cause;
    throw new CliError('usage-invalid', 'the local stack is a package of its own, and it is not installed', {
      cause,
      hint: 'run npm install --save-dev @throughline/dev',
    });
  }
}
