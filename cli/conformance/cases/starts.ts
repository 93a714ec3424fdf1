/** What a worker finds in NATS when it starts. */
import type { ConsumerInfo } from '@nats-io/jetstream';
import { filtersOf } from '../../../shared/nats/streams.ts';
import { filtersOverlap } from '../../../shared/wire/subjects.ts';
import type { Broker } from '../../../worker-node/broker/connection/broker.ts';
import { sendPause } from '../broker/pause.ts';
import type { WorkerCase } from './case.ts';

const PAUSED = 'conformance.info';
const NARROWER = 'jobs.normal.p0.*.*.conformance.echo';
/** A lane of another consumer, so that its jobs come if the worker asks for any. */
const OTHER_ROUTE = { priority: 'high', lane: 'p1' } as const;

export const START_CASES: readonly WorkerCase[] = [
  {
    name: 'stored-pause',
    what: 'a worker that starts while an operation is paused does not start its jobs',
    sentences: ['pause-stored'],
    isAlone: true,
    run: async (bench) => {
      const { submit, findings, ackWaitMs, soonMs } = bench;
      await bench.parts.worker.kill();
      await sendPause(bench, PAUSED, true);
      const job = await submit(PAUSED, {});
      await bench.startWorker();
      await job.until(() => job.answers.length > 0 || job.kinds.includes('started'), ackWaitMs / 2);
      findings.check('pause-stored', !job.kinds.includes('started'), `the events are: ${job.told}`);
      await sendPause(bench, PAUSED, false);
      await bench.ended(job, 'pause-stored', soonMs + ackWaitMs);
      const { attempt, kind } = job.end?.body ?? {};
      findings.check('pause-stored', kind === 'succeeded' && attempt === 1, `the events are: ${job.told}`);
    },
  },
  {
    name: 'other-filter',
    what: 'a worker does not start if a consumer of its group takes other jobs than it wants',
    sentences: ['consumer-filter'],
    isAlone: true,
    run: async (bench) => {
      const { findings, soonMs, submit, parts } = bench;
      const { broker, worker } = parts;
      await worker.kill();
      const found = (await consumersOf(broker)).find(takesEcho);
      if (found === undefined)
        return findings.fail('consumer-filter', 'no consumer takes jobs of conformance.echo');
      const { config, name } = found;
      const { filter_subjects: _list, ...rest } = config;
      await replace(broker, { ...rest, filter_subject: NARROWER });
      const job = await submit('conformance.echo', 1, { route: OTHER_ROUTE });
      try {
        await job.until(async () => (await pulled(broker)).length === 0, soonMs);
        await worker.start({ mayEnd: true });
        let asked: readonly string[] = [];
        await job.until(async () => {
          if (asked.length === 0) asked = await pulled(broker);
          return asked.length > 0 || worker.isGone || job.events.length > 0;
        }, soonMs);
        const says = `the filter of ${name} is ${NARROWER}, and the worker asks for jobs on ${asked.join(', ')}`;
        findings.check('consumer-filter', asked.length === 0, says);
        findings.check('consumer-filter', job.events.length === 0, `the events of a job are: ${job.told}`);
        const now = (await consumersOf(broker)).find((one) => one.name === name);
        const filter = now === undefined ? 'gone' : filtersOf(now.config, 'jobs.>').join(', ');
        findings.check('consumer-filter', filter === NARROWER, `the worker has made it ${filter}`);
      } finally {
        await worker.kill();
        await replace(broker, config);
        await bench.startWorker();
      }
    },
  },
];

async function consumersOf({ manager }: Broker): Promise<readonly ConsumerInfo[]> {
  const all: ConsumerInfo[] = [];
  for await (const info of manager.consumers.list('JOBS')) all.push(info);
  return all;
}

function takesEcho({ config }: ConsumerInfo): boolean {
  return filtersOf(config, 'jobs.>').some((filter) => filtersOverlap(filter, NARROWER));
}

/** The names of the consumers that somebody asks for jobs now. */
async function pulled(broker: Broker): Promise<readonly string[]> {
  return (await consumersOf(broker)).filter(({ num_waiting }) => num_waiting > 0).map(({ name }) => name);
}

/** Deletes a consumer and makes it from a configuration, so that it holds nothing of an earlier worker. */
async function replace({ manager }: Broker, config: ConsumerInfo['config']): Promise<void> {
  await manager.consumers.delete('JOBS', config.durable_name ?? '').catch(() => undefined);
  await manager.consumers.add('JOBS', config);
}
