import type { Command } from 'commander';
import type { Host } from '../../host.ts';
import { loadDev } from '../../local/load-dev.ts';

const LACK = { message: 'the local stack is a package of its own, and it is not installed' };

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
          const { main } = await loadDev(LACK);
          return await main(args);
        }),
    );
}
