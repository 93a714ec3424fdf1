import type { Command } from 'commander';
import { exitCodeOfPreparation } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host } from '../host.ts';

/** `worker [operations-folder]`. */
export function defineWorker(program: Command, host: Host): Command {
  return program
    .command('worker')
    .description(
      'Runs a worker host on this machine until SIGTERM or Ctrl-C. A signal that comes more than a second later ends it immediately.',
    )
    .argument('[operations-folder]', 'folder with files that export what defineOperation() returns')
    .addHelpText(
      'after',
      examples(
        ['throughline worker ./operations', 'run the built-in operations and those of a folder'],
        [
          'NATS_URL=tls://nats.example.com:4222 WORKER_CONCURRENCY=50 throughline worker',
          'set its settings as environment variables',
        ],
      ),
    )
    .action(
      async (operationsFolder: string | undefined, _flags: unknown, command: Command) =>
        await host.runLocal(command, async (output, { debug = false }) => {
          // Imported only here, so that other commands do not load a worker.
          const { prepareWorkerHost } = await import('../../worker-node/host.ts');
          const options = { operationsFolder, debug, environment: host.environment };
          let run: () => Promise<number>;
          try {
            ({ run } = await prepareWorkerHost(options));
          } catch (thrown) {
            output.error(thrown, debug);
            return exitCodeOfPreparation(thrown);
          }
          return await run();
        }),
    );
}
