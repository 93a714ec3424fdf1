import type { Command } from 'commander';
import { BROKER_TRACES } from '../../../shared/wire/subjects.ts';
import { examples } from '../../help.ts';
import type { Host } from '../../host.ts';

interface BrokerSpansFlags {
  readonly subject: string;
}

/** `broker-spans`. It calls NATS with the worker's settings, and not the API. */
export function defineBrokerSpans(program: Command, host: Host): Command {
  return program
    .command('broker-spans')
    .description(
      'Turns the message traces of nats-server into spans, and sends them to your collector, until SIGTERM or Ctrl-C.',
    )
    .option(
      '--subject <subject>',
      'where nats-server publishes its traces (`dest` of its msg_trace)',
      BROKER_TRACES,
    )
    .addHelpText(
      'after',
      examples([
        'NATS_URL=tls://nats.example.com:4222 NATS_USER=traces OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 throughline broker-spans',
        'set the settings as environment variables',
      ]),
    )
    .action(
      async ({ subject }: BrokerSpansFlags, command: Command) =>
        await host.runLocal(command, async (_output, { debug = false }) => {
          // Imported only here, so that other commands do not load a NATS client.
          const { runBrokerSpans } = await import('../../../worker-node/broker-spans/run.ts');
          return await runBrokerSpans({ environment: host.environment, debug, subject });
        }),
    );
}
