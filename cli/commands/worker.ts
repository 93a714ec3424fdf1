import type { Command } from 'commander';
import { examples } from '../help.ts';
import type { Host } from '../host.ts';

/** `worker [operations-folder]`. */
export function defineWorker(program: Command, host: Host): Command {
  return program
    .command('worker')
    .description('Runs a worker host on this machine, until SIGTERM or Ctrl-C; a second one ends it at once.')
    .argument('[operations-folder]', 'files that export what defineOperation() returns')
    .addHelpText(
      'after',
      examples(
        ['throughline worker ./operations', 'with the built-in operations and those of a folder'],
        [
          'NATS_URL=tls://nats.example.com:4222 WORKER_CONCURRENCY=50 throughline worker',
          'settings are variables',
        ],
      ),
    )
    .action(
      async (operationsFolder: string | undefined, _flags: unknown, command: Command) =>
        await host.runLocal(command, async (_output, { debug = false }) => {
          // Only a worker pays for loading one.
          const { runWorkerHost } = await import('../../worker-node/host.ts');
          return await runWorkerHost({ operationsFolder, debug, environment: host.environment });
        }),
    );
}
