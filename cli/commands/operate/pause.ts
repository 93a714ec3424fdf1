import { hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import type { PauseChange } from '../../../worker-node/broker/operate/pauses.ts';
import { lineText, operationName } from '../../arguments.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host } from '../../host.ts';

interface PauseFlags {
  readonly by?: string;
  readonly reason?: string;
}

const BY_HELP = 'who does it, for the others to see (default: your user name and machine)';

/** `pause <operation>`. It calls NATS with the worker's settings, and not the API. */
export function definePause(program: Command, host: Host): Command {
  return program
    .command('pause')
    .description(
      'Stops an operation: no host starts its jobs until it is resumed. Jobs that run go on, and so do other operations.',
    )
    .argument('<operation>', 'its name, as `throughline operations` lists it', operationName)
    .option('--reason <text>', 'why, for the others to see', lineText(256))
    .option('--by <name>', BY_HELP, lineText(128))
    .addHelpText(
      'after',
      examples([
        "NATS_URL=tls://nats.example.com:4222 NATS_USER=setup throughline pause image.resize --reason 'the store is full'",
        'set the settings as environment variables',
      ]),
    )
    .action(
      async (operation: string, flags: PauseFlags, command: Command) =>
        await change(host, command, operation, { ...flags, paused: true }),
    );
}

/** `resume <operation>`. It calls NATS with the worker's settings, and not the API. */
export function defineResume(program: Command, host: Host): Command {
  return program
    .command('resume')
    .description('Lets the hosts start the jobs of an operation again.')
    .argument('<operation>', 'its name, as `throughline operations` lists it', operationName)
    .option('--by <name>', BY_HELP, lineText(128))
    .addHelpText('after', examples(['throughline resume image.resize', 'its jobs start within a second']))
    .action(
      async (operation: string, flags: PauseFlags, command: Command) =>
        await change(host, command, operation, { ...flags, paused: false }),
    );
}

async function change(
  host: Host,
  command: Command,
  operation: string,
  { by = callerName(), reason, paused }: PauseFlags & { readonly paused: boolean },
): Promise<void> {
  await host.runLocal(command, async (output) => {
    // Imported only here, so that other commands do not load a NATS client.
    const { withOperator } = await import('../../../worker-node/broker/operate/operator-session.ts');
    const { setPause } = await import('../../../worker-node/broker/operate/pauses.ts');
    const record = {
      paused,
      by,
      since: new Date().toISOString(),
      ...(reason === undefined ? {} : { reason }),
    };
    const warn = (sentence: string): void => output.warn(sentence);
    const done = await withOperator(host.environment, warn, (broker) => setPause(broker, operation, record));
    output.result(done, () => changeText(done));
    return EXIT.ok.code;
  });
}

function changeText({ operation, paused, unchanged, by, since }: PauseChange): string {
  if (!paused) return unchanged ? `${operation} was not paused` : `${operation} is resumed`;
  return unchanged ? `${operation} was paused already, by ${by} since ${since}` : `${operation} is paused`;
}

/** The user of this machine, as far as it has a name. */
function callerName(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run as a user without a name.
    return hostname();
  }
}
