import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { JobView } from '../../cli/conformance/broker/job-view.ts';
import { publishJob } from '../../cli/conformance/broker/queue.ts';
import { Tape } from '../../cli/conformance/broker/tape.ts';
import { Program } from '../../cli/conformance/program/program.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { BULK_LANES, POOLED_LANES } from '../../shared/wire/lanes.ts';
import type { Broker } from '../../worker-node/broker/connection/broker.ts';
import { connectBroker } from '../../worker-node/broker/connection/connect.ts';
import { setUpBroker } from '../../worker-node/broker/setup.ts';
import { workerConfig } from '../../worker-node/config.ts';
import { atEndOfFile } from '../support/cleanup.ts';
import { startTestNats } from '../support/nats/nats.ts';
import { until } from '../support/poll.ts';
import { fixture } from './support.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const JOBS = 120;
const ACK_WAIT_MS = 3_000;

/** Two hosts of one worker group, in which each has operations that the other one lacks. */
const NODE = [
  process.execPath,
  path.join(ROOT, 'cli/main.ts'),
  'worker',
  path.join(ROOT, 'examples/operations'),
];
const PLAIN = fixture('plain-worker/worker.ts');

const nats = await startTestNats();
atEndOfFile(() => nats.stop());
const environment = { ...hostEnvironment(), NATS_URL: nats.url };
let broker: Broker;
let tape: Tape;
let starts = 0;

beforeAll(async () => {
  await setUpBroker({ environment, check: false, replicas: undefined });
  broker = await connectBroker({ ...workerConfig(environment), WORKER_NAME: 'mixed-fleet' }, '_INBOX_mixed');
  tape = await Tape.start(broker.connection);
});
afterAll(() => broker.connection.close());

/** Starts a host, and waits until it announces an operation. */
async function start(command: readonly string[], operation: string): Promise<Program> {
  const name = `host-${++starts}`;
  const settings = {
    WORKER_GROUP: 'mixed',
    WORKER_OPERATIONS: '>',
    WORKER_NAME: name,
    HEALTH_PORT: '0',
    WORKER_ACK_WAIT_MS: String(ACK_WAIT_MS),
    WORKER_CONCURRENCY: '16',
    WORKER_STOP_TIMEOUT_MS: '500',
  };
  const onLine = (): void => undefined;
  const program = await Program.start({ command, onLine, environment: { ...environment, ...settings } });
  atEndOfFile(() => program.kill());
  await until(`${operation} of ${name} to be announced`, () =>
    announcementOf(name).includes(`"${operation}"`),
  );
  return program;
}

it('hosts in Node and in another language share tenants and lanes, and no job is lost when both are killed', async () => {
  const first = [await start(NODE, 'text.count'), await start(PLAIN, 'conformance.sleep')];
  const lanes = [...POOLED_LANES, ...BULK_LANES];
  const jobs = await Promise.all(
    Array.from({ length: JOBS }, async (_, n) => {
      const route = { priority: 'normal', lane: lanes[n % lanes.length] ?? 'p0' } as const;
      const options = { tenant: `tenant-${n % 7}`, route };
      const job =
        n % 2 === 0
          ? await publishJob(broker, 'text.count', { text: 'one two three' }, options)
          : await publishJob(broker, 'conformance.sleep', { ms: 40 }, options);
      return new JobView(job, broker, tape);
    }),
  );
  for (const [place, host] of first.entries()) {
    await until('some jobs to have ended', () => endsHeard() > (place + 1) * 10);
    await host.kill();
  }
  await Promise.all([start(NODE, 'text.count'), start(PLAIN, 'conformance.sleep')]);
  for (const job of jobs) await job.untilEnded(10 * ACK_WAIT_MS);
  // A job that was running when its host was killed has a second attempt.
  const others = jobs.filter(({ kinds }) => !/^(?:started,){1,2}succeeded$/.test(kinds.join()));
  expect(others.map(({ told }) => told)).toEqual([]);
  const lost = jobs.filter(({ job, events }) => events.some(({ body }) => body.traceId !== job.traceId));
  expect(lost.map(({ told: words }) => words)).toEqual([]);
  // Only a host that had started a job spends an attempt of it.
  const workers = jobs.map(({ job, events }) => [
    job.address.operation,
    ...new Set(events.map(({ body }) => body.worker)),
  ]);
  const wrong = workers.filter(([operation, ...names]) =>
    names.some((name) => isNode(name) !== (operation === 'text.count')),
  );
  expect(wrong).toEqual([]);
});

function isNode(worker: string): boolean {
  return announcementOf(worker).includes('"text.count"');
}

/** The first announcement of a host, as JSON; empty if there is none yet. */
function announcementOf(name: string): string {
  const found = tape.all.find(
    ({ subject, data }) => subject.startsWith('$KV.HOSTS.') && Buffer.from(data).includes(`"${name}"`),
  );
  return Buffer.from(found?.data ?? []).toString();
}

function endsHeard(): number {
  return tape.all.filter(({ values }) => values('ce-type')[0] === 'dev.throughline.job.succeeded').length;
}
