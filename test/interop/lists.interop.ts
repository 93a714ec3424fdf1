import { type ConsumerInfo, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { JobView } from '../../cli/conformance/broker/job-view.ts';
import { publishJob } from '../../cli/conformance/broker/queue.ts';
import { Tape } from '../../cli/conformance/broker/tape.ts';
import { Program } from '../../cli/conformance/program/program.ts';
import { ROUTES } from '../../shared/wire/lanes.ts';
import { connectBroker } from '../../worker-node/broker/connection/connect.ts';
import { workerConfig } from '../../worker-node/config.ts';
import { until } from '../support/poll.ts';
import { LANGUAGES, programsOf } from './languages.ts';
import { natsEnvironment } from './nats-environment.ts';

const GROUP = 'listed';
const LIST = ['conformance.echo', 'conformance.info'];
/** Less than the pulls of 32 lanes take one after the other. */
const SOON_MS = 10_000;

it.for(LANGUAGES)(
  'the example in $name takes a list of operations, lets lanes without jobs hold no slot, and does not start where its group has another list',
  async ({ name }, { skip }) => {
    const { worker } = await programsOf(name, skip);
    const environment = await natsEnvironment();
    const broker = await connectBroker({ ...workerConfig(environment), WORKER_NAME: 'test' }, '_INBOX_test');
    onTestFinished(() => broker.connection.close());
    const tape = await Tape.start(broker.connection);
    const start = async (operations: string, lines: string[] = []): Promise<Program> => {
      const settings = { WORKER_GROUP: GROUP, WORKER_OPERATIONS: operations, WORKER_CONCURRENCY: '1' };
      const onLine = (line: string): void => void lines.push(line);
      const program = await Program.start({
        command: worker,
        onLine,
        environment: { ...environment, ...settings },
      });
      onTestFinished(() => program.kill());
      return program;
    };

    await start([...LIST].reverse().join(','));
    const announced = await until('the announcement', () =>
      tape.all.find(({ subject, data }) => subject.startsWith('$KV.HOSTS.') && data.length > 0),
    );
    expect(JSON.parse(new TextDecoder().decode(announced.data)).operations.sort()).toEqual(LIST);
    const infos = await until('the consumers', async () => {
      const found = await consumers(environment.NATS_URL);
      return found.length === ROUTES.length && found.every(({ num_waiting }) => num_waiting > 0) && found;
    });
    for (const { name: consumer, config } of infos) {
      const [, priority, lane] = consumer.split('-');
      const wanted = LIST.map((operation) => `jobs.${priority}.${lane}.*.*.${operation}`);
      expect([...(config.filter_subjects ?? [])].sort()).toEqual(wanted);
    }

    // One slot: each lane would hold it for as long as a pull takes.
    const jobs = await Promise.all(
      ROUTES.map((route) => publishJob(broker, 'conformance.echo', 1, { route })),
    );
    for (const job of jobs) {
      const view = new JobView(job, broker, tape);
      expect(await view.untilEnded(SOON_MS), view.told).toBe(true);
    }

    const lines: string[] = [];
    const other = await start('conformance.echo', lines);
    const code = await other.endWithin(SOON_MS);
    expect(code, lines.join('\n')).toEqual(expect.any(Number));
    expect(code).not.toBe(0);
  },
);

async function consumers(url: string): Promise<ConsumerInfo[]> {
  const connection = await connect({ servers: url });
  try {
    const manager = await jetstreamManager(connection);
    const found: ConsumerInfo[] = [];
    for await (const info of manager.consumers.list('JOBS')) found.push(info);
    return found;
  } finally {
    await connection.close();
  }
}
