/** Jobs that another program has, has ended, or has redriven. */
import { eventSubject } from '../../../shared/wire/subjects.ts';
import type { Bench } from '../bench.ts';
import { foreignEvent } from '../broker/foreign-event.ts';
import type { JobView } from '../broker/job-view.ts';
import { newJobId, TENANT } from '../broker/queue.ts';
import type { WorkerCase } from './case.ts';

const OPERATION = 'conformance.sleep';
const EARLIER = { redriveCount: 1, previousTraceIds: ['0af7651916cd43dd8448eb211c80319c'] };

export const CONFLICT_CASES: readonly WorkerCase[] = [
  {
    name: 'ended-before',
    what: 'a job whose end is recorded does not run',
    sentences: ['chain-ended'],
    run: async (bench) => {
      const jobId = newJobId();
      await writeEvent(bench, 'cancelled', jobId, { attempt: 0, after: 0 });
      await expectUntouched(bench, 'chain-ended', await bench.submit(OPERATION, { ms: 1 }, { jobId }));
    },
  },
  {
    name: 'stale-message',
    what: 'a message from before a redrive does not run',
    sentences: ['redrive-stale'],
    run: async (bench) => {
      const jobId = newJobId();
      await writeEvent(bench, 'redriven', jobId, { attempt: 0, after: 0, redrive: EARLIER });
      await expectUntouched(bench, 'redrive-stale', await bench.submit(OPERATION, { ms: 1 }, { jobId }));
    },
  },
  {
    name: 'unreadable-event',
    what: 'a job whose last event cannot be read does not run',
    sentences: ['chain-unreadable'],
    run: async (bench) => {
      const jobId = newJobId();
      await bench.publish(eventSubject(TENANT, jobId), 'not an event');
      const job = await bench.submit(OPERATION, { ms: 1 }, { jobId });
      await bench.ended(job, 'chain-unreadable');
      const { error, attempt } = job.end?.body ?? {};
      const found = `the events are: ${job.told}; error is ${JSON.stringify(error)}`;
      bench.findings.check('chain-unreadable', error?.code === 'record-unreadable' && attempt === 0, found);
      const isDead = (await job.deadLetter()) !== undefined;
      bench.findings.check('chain-unreadable', isDead, 'there is no dead letter');
    },
  },
  {
    name: 'started-elsewhere',
    what: 'a first delivery of a job that has started elsewhere is given up, until it comes again',
    sentences: ['chain-taken', 'started-record', 'attempt-number'],
    run: async (bench) => {
      const jobId = newJobId();
      const { findings, laterMs } = bench;
      await writeEvent(bench, 'started', jobId, { attempt: 1, after: 0 });
      const job = await bench.submit(OPERATION, { ms: 1 }, { jobId });
      await bench.ended(job, 'chain-taken', laterMs);
      const early = job.answers.filter(({ delivery }) => delivery === 1).map(({ kind }) => kind);
      findings.check('chain-taken', early.length === 0, `the first delivery was answered: ${early.join()}`);
      const told = 'started 1, started 2, succeeded 2';
      findings.check('attempt-number', job.told === told, `the events are: ${job.told}`);
      const [expected] = job.events[1]?.values('Nats-Expected-Last-Subject-Sequence') ?? [];
      const follows = expected === String(job.events[0]?.sequence);
      findings.check(
        'started-record',
        follows,
        `started 2 expects ${expected}, not ${job.events[0]?.sequence}`,
      );
    },
  },
  {
    name: 'start-refused',
    what: 'an operation does not begin before the event `started` of its attempt is stored',
    sentences: ['started-stored'],
    run: async (bench) => {
      const { submit, ended, findings, laterMs, parts } = bench;
      const [ends, goesOn] = [newJobId(), newJobId()];
      await writeEvent(bench, 'cancelled', ends, { attempt: 0, after: 0 });
      await writeEvent(bench, 'started', goesOn, { attempt: 1, after: 0 });
      const call = async (jobId: string): Promise<JobView> =>
        await submit('conformance.baggage', { url: `${parts.http.url}/${jobId}` }, { jobId });
      const [over, taken] = [await call(ends), await call(goesOn)];
      await ended(over, 'started-stored', laterMs);
      await ended(taken, 'started-stored', laterMs);
      for (const [job, starts] of [[over, 0] as const, [taken, 1] as const]) {
        const calls = parts.http.callsOf(`/${job.job.address.jobId}`);
        const found = `NATS refused the first \`started\` of this worker, and the operation ran ${calls} times; events: ${job.told}`;
        findings.check('started-stored', calls === starts, found);
      }
    },
  },
  {
    name: 'taken-while-running',
    what: 'an attempt whose job another worker takes ends without an answer',
    sentences: ['chain-taken', 'chain-one-end'],
    run: async (bench) => {
      const { submit, need, findings, laterMs } = bench;
      const job = await submit(OPERATION, { ms: 1_000 });
      await need(job, 'chain-taken', 'the event started', () => job.events.length > 0);
      const { jobId } = job.job.address;
      await writeEvent(bench, 'started', jobId, { attempt: 2, after: job.events[0]?.sequence ?? 0 });
      await job.untilEnded(2 * laterMs);
      const end = job.end === undefined ? Number.POSITIVE_INFINITY : job.placeOf(job.end);
      const early = job.answers
        .filter(({ place, kind }) => place < end || kind !== 'ack')
        .map(({ kind }) => kind);
      const found = `answers before the end: ${early.join()}; events: ${job.told}`;
      findings.check('chain-taken', early.length === 0, found);
      findings.check('chain-taken', job.end !== undefined, `the job has not ended; events: ${job.told}`);
      const after = job.events.slice(2).filter(({ body, isEnd }) => body.attempt === 1 && !isEnd);
      findings.check('chain-taken', after.length === 0, `the events are: ${job.told}`);
      const ends = job.events.filter(({ isEnd }) => isEnd).length;
      findings.check('chain-one-end', ends === 1, `the events are: ${job.told}`);
    },
  },
];

async function writeEvent(
  bench: Bench,
  kind: Parameters<typeof foreignEvent>[0],
  jobId: string,
  facts: Parameters<typeof foreignEvent>[2],
): Promise<void> {
  const { body, headers } = foreignEvent(kind, { tenant: TENANT, jobId, operation: OPERATION }, facts);
  await bench.publish(eventSubject(TENANT, jobId), body, headers);
}

/** The message is acked, and nothing is written. */
async function expectUntouched(
  { findings, soonMs, ackWaitMs }: Bench,
  sentence: 'chain-ended' | 'redrive-stale',
  job: JobView,
): Promise<void> {
  await job.until(() => job.answers.length > 0, soonMs);
  await job.until(() => job.events.length > 1, ackWaitMs / 6);
  const kinds = job.answers.map(({ kind }) => kind).join();
  findings.check(sentence, kinds === 'ack', `the answer is ${kinds || 'missing'}`);
  findings.check(sentence, job.events.length === 1, `the events are: ${job.told}`);
  findings.check(sentence, (await job.deadLetter()) === undefined, 'there is a dead letter');
}
