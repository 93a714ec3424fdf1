import type { Command } from 'commander';
import type { Host } from '../host.ts';

/** `dev …`: everything on this machine. What follows the name is read by dev/main.ts, `--help` too. */
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
          // A deployment need not have it, and no other command should load it.
          const { main } = await import('../../dev/main.ts');
          return await main(args);
        }),
    );
}
