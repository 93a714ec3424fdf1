import type { Command } from 'commander';
import type { Host } from '../host.ts';

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
          // Imported only here: a deployment may lack dev/, and no other command should load it.
          const { main } = await import('../../dev/main.ts');
          return await main(args);
        }),
    );
}
