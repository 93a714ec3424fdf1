import type { Command } from 'commander';
import { callbackSecretsFor } from '../../shared/callback-secrets.ts';
import { createCallbackSecret } from '../../shared/text/secret.ts';
import { tenantName } from '../arguments.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host } from '../host.ts';

/** `callbacks secret`. It does not call the API. */
export function defineCallbacks(program: Command, host: Host): Command {
  const callbacks = program
    .command('callbacks')
    .description('Makes and prints the secrets that sign callbacks.');
  callbacks
    .command('secret')
    .description(
      'Makes a new secret for CALLBACK_SECRET of the workers. With --tenant: prints the secret with which the receivers ' +
        'of a tenant verify its callbacks, from CALLBACK_SECRET and CALLBACK_SECRETS in the environment.',
    )
    .option('--tenant <tenant>', 'the tenant whose secret to print', tenantName)
    .addHelpText(
      'after',
      examples(
        ['throughline callbacks secret', 'make a new secret'],
        [
          'CALLBACK_SECRET=whsec_… throughline callbacks secret --tenant acme',
          'print the secret for the receivers of tenant acme',
        ],
      ),
    )
    .action(
      async ({ tenant }: { readonly tenant?: string }, command: Command) =>
        await host.runLocal(command, async (output) => {
          const [secret = ''] =
            tenant === undefined
              ? [createCallbackSecret()]
              : await callbackSecretsFor(tenant, host.environment);
          output.result({ ...(tenant === undefined ? {} : { tenant }), secret }, () => secret);
          return EXIT.ok.code;
        }),
    );
  return callbacks;
}
