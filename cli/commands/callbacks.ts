import type { Command } from 'commander';
import { createCallbackSecret } from '../../shared/text/secret.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host } from '../host.ts';

/** `callbacks secret`. It does not call the API. */
export function defineCallbacks(program: Command, host: Host): Command {
  const callbacks = program.command('callbacks').description('Makes the secrets that sign callbacks.');
  callbacks
    .command('secret')
    .description(
      'Makes a secret: for CALLBACK_SECRET or CALLBACK_SECRETS of the workers, and for the receiver.',
    )
    .addHelpText('after', examples(['throughline callbacks secret', 'make a new secret']))
    .action(
      async (_flags: unknown, command: Command) =>
        await host.runLocal(command, async (output) => {
          const secret = createCallbackSecret();
          if (output.json) output.document({ secret });
          else output.text(secret);
          return EXIT.ok.code;
        }),
    );
  return callbacks;
}
