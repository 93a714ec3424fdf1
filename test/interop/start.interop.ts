import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { Program } from '../../cli/conformance/program/program.ts';
import { ROUTES } from '../../shared/wire/lanes.ts';
import { until } from '../support/poll.ts';
import { LANGUAGES, programsOf } from './languages.ts';
import { natsEnvironment } from './nats-environment.ts';

const OPERATIONS = ['conformance.echo', 'conformance.info'];

/** What a message says of a worker that starts, by the beginning of its subject. */
const STEPS: readonly (readonly [subject: string, step: string])[] = [
  ['$JS.API.CONSUMER.CREATE.JOBS.', 'consumer'],
  ['$JS.API.CONSUMER.DURABLE.CREATE.JOBS.', 'consumer'],
  ['$KV.HOSTS.', 'host'],
  ['$KV.OPERATIONS.', 'operation'],
  ['$JS.API.CONSUMER.MSG.NEXT.JOBS.', 'pull'],
];

it.for(LANGUAGES)(
  'the example in $name makes its consumers, then announces its host, then each operation whose definition differs from the stored one, and then asks for jobs',
  async ({ name }, { skip }) => {
    const { worker } = await programsOf(name, skip);
    const environment = await natsEnvironment();
    const connection = await connect({ servers: environment.NATS_URL });
    onTestFinished(() => connection.close());

    /** Starts the worker until it has asked each lane for jobs. @returns what it did before it asked the first */
    const start = async (): Promise<readonly string[]> => {
      const steps: string[] = [];
      const asked = new Set<string>();
      // One subscription hears the messages of one connection in the order in which that sent them.
      const subscription = connection.subscribe('>', {
        callback: (_, { subject }) => {
          const step = STEPS.find(([beginning]) => subject.startsWith(beginning))?.[1];
          if (step === 'pull') asked.add(subject);
          if (step !== undefined) steps.push(step);
        },
      });
      await connection.flush();
      const program = await Program.start({
        command: worker,
        onLine: () => undefined,
        environment: {
          ...environment,
          WORKER_NAME: `start-${name}`,
          WORKER_GROUP: 'start',
          WORKER_OPERATIONS: OPERATIONS.join(','),
        },
      });
      onTestFinished(() => program.kill());
      await until('each lane to be asked for jobs', () => {
        if (program.hasExited) throw new Error(program.lastLines);
        return asked.size === ROUTES.length;
      });
      await program.kill();
      subscription.unsubscribe();
      return steps.slice(0, steps.indexOf('pull'));
    };

    const consumers = ROUTES.map(() => 'consumer');
    expect(await start()).toEqual([...consumers, 'host', 'operation', 'operation']);
    expect(await start()).toEqual(['host']);
    const others = { name: OPERATIONS[0], inputSchema: true, timeoutMs: 1, maxAttempts: 1, host: 'other' };
    await jetstream(connection).publish(`$KV.OPERATIONS.${OPERATIONS[0]}`, JSON.stringify(others));
    expect(await start()).toEqual(['host', 'operation']);
    await jetstream(connection).publish(`$KV.OPERATIONS.${OPERATIONS[0]}`, 'no JSON');
    expect(await start()).toEqual(['host', 'operation']);
    await jetstream(connection).publish(`$KV.OPERATIONS._paused.${OPERATIONS[0]}`, 'no JSON');
    expect(await start()).toEqual(['host']);
  },
);
