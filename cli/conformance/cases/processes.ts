/** What happens to jobs when the worker dies, stops, or may not start them. */
import { setTimeout as delay } from 'node:timers/promises';
import type { JobSpec } from '../../../shared/job/job-spec.ts';
import type { Bench } from '../bench.ts';
import { sendCancel } from '../broker/cancel.ts';
import type { JobView } from '../broker/job-view.ts';
import { sendPause } from '../broker/pause.ts';
import type { WorkerCase } from './case.ts';
import { checkRepeats, REPEATED } from './events.ts';

const LONG_MS = 60_000;
/** More levels than any library reads by itself. */
const DEEP_BODY = Buffer.from('['.repeat(100_000) + ']'.repeat(100_000));
/** What a worker may take to hear of a pause: it comes on another subscription than the jobs. */
const HEARD_MS = 500;
const PAUSED = 'conformance.info';

export const PROCESS_CASES: readonly WorkerCase[] = [
  {
    name: 'pause',
    what: 'jobs of an operation that is paused wait until it is resumed',
    sentences: ['pause-hold'],
    isAlone: true,
    run: async (bench) => {
      const { submit, findings, ackWaitMs, soonMs } = bench;
      await sendPause(bench, PAUSED, true);
      await delay(HEARD_MS);
      const job = await submit(PAUSED, {});
      await job.until(() => job.answers.length > 0 || job.kinds.includes('started'), ackWaitMs / 2);
      findings.check('pause-hold', !job.kinds.includes('started'), `the events are: ${job.told}`);
      await sendPause(bench, PAUSED, false);
      await bench.ended(job, 'pause-hold', soonMs + ackWaitMs);
      const { attempt, kind } = job.end?.body ?? {};
      findings.check('pause-hold', kind === 'succeeded' && attempt === 1, `the events are: ${job.told}`);
    },
  },
  {
    name: 'crash',
    what: 'a worker that is killed spends an attempt of each job that it had',
    sentences: ['attempt-spent', 'attempt-number', 'cancel-stored', 'started-record', 'event-repeats'],
    isAlone: true,
    run: async (bench) => {
      const { findings, laterMs } = bench;
      const once = await started(bench, { spec: { ...REPEATED, maxAttempts: 1 } });
      const again = await started(bench, { spec: { maxAttempts: 3 } });
      const cancelled = await started(bench, {});
      await bench.parts.worker.kill();
      await sendCancel(bench, cancelled);
      await bench.startWorker();
      await Promise.all([
        bench.ended(once, 'attempt-spent', 2 * laterMs),
        bench.ended(cancelled, 'cancel-stored', 2 * laterMs),
        bench.need(
          again,
          'attempt-number',
          'the event started 2',
          () => again.told.includes('started 2'),
          2 * laterMs,
        ),
      ]);
      const { error, attempt } = once.end?.body ?? {};
      const found = `the events are: ${once.told}; error is ${JSON.stringify(error)}`;
      findings.check('attempt-spent', error?.code === 'attempts-spent' && attempt === 1, found);
      findings.check('attempt-spent', (await once.deadLetter()) !== undefined, 'there is no dead letter');
      checkRepeats(once, findings);
      const toldOfCancelled = `the events are: ${cancelled.told}`;
      findings.check('cancel-stored', cancelled.end?.body.kind === 'cancelled', toldOfCancelled);
      findings.check('cancel-stored', !cancelled.told.includes('started 2'), toldOfCancelled);
      findings.check(
        'attempt-number',
        again.told === 'started 1, started 2',
        `the events are: ${again.told}`,
      );
      const [expected] = again.events[1]?.values('Nats-Expected-Last-Subject-Sequence') ?? [];
      const follows = expected === String(again.events[0]?.sequence);
      findings.check('started-record', follows, `started 2 expects ${expected}`);
      await sendCancel(bench, again);
      await bench.ended(again, 'cancel-running');
    },
  },
  {
    name: 'shutdown',
    what: 'a worker that is told to stop hands back what it cannot end in time, and spends no attempt',
    sentences: ['release-stop', 'release-event', 'event-repeats', 'announce-leave', 'settle-last'],
    isAlone: true,
    run: async (bench) => {
      const { findings, parts, laterMs } = bench;
      const short = await started(bench, { ms: parts.stopTimeoutMs / 2 });
      const long = await started(bench, { spec: { ...REPEATED, maxAttempts: 3 } });
      const keys = hostKeys(bench);
      parts.worker.program.signal('SIGTERM');
      const code = await parts.worker.program.endWithin(parts.stopTimeoutMs + bench.soonMs);
      findings.check(
        'release-stop',
        code !== undefined,
        `it has not ended ${bench.soonMs} ms after its limit`,
      );
      await parts.worker.kill();
      await long.read();
      await short.read();
      findings.check(
        'release-stop',
        short.told === 'started 1, succeeded 1',
        `the short job has: ${short.told}`,
      );
      findings.check(
        'release-event',
        long.told === 'started 1, released 0',
        `the long job has: ${long.told}`,
      );
      const { released } = long.events.at(-1)?.body ?? {};
      findings.check('release-event', released === 1, `released is ${released}`);
      checkRepeats(long, findings);
      const [answer] = long.answers;
      findings.check('release-event', answer?.kind === 'nak', `the answer is ${answer?.kind}`);
      const last = long.events.at(-1);
      const isStored = last !== undefined && long.placeOf(last) < (answer?.place ?? Number.POSITIVE_INFINITY);
      findings.check('settle-last', isStored, 'the answer to the long job came before its last event');
      const isDeleted = keys.some((subject) => isDeletion(bench, subject));
      findings.check('announce-leave', isDeleted, 'no key of HOSTS was deleted');
      await bench.startWorker();
      const isBack = (): boolean => long.told.endsWith('started 1') && long.events.length === 3;
      await bench.need(long, 'release-event', 'the event started 1 of another delivery', isBack, laterMs);
      const carried = long.events.at(-1)?.body.released;
      findings.check('release-event', carried === 1, `released is ${carried} in the next started`);
      await sendCancel(bench, long);
      await bench.ended(long, 'cancel-running');
    },
  },
  {
    name: 'deep-body',
    what: 'a body with very many levels ends its job, and the next job runs',
    sentences: ['worker-stays'],
    isAlone: true,
    run: async (bench) => {
      const deep = await bench.submit('conformance.echo', null, { body: DEEP_BODY });
      await checkStays(bench, deep, 'a body with 100,000 levels');
    },
  },
  {
    name: 'other-letters',
    what: 'a header with letters beyond ASCII harms neither its job nor the next one',
    sentences: ['worker-stays'],
    isAlone: true,
    run: async (bench) => {
      // Its limit cannot be read, so its headers are also written, into a dead letter.
      const headers = [
        ['ce-source', '/grüße/世界'],
        ['throughline-max-attempts', 'many'],
      ] as const;
      const job = await bench.submit('conformance.echo', 1, { headers });
      await checkStays(bench, job, 'a header with letters beyond ASCII');
    },
  },
];

/** Sees that a job ends, and the next one too. A worker that takes no more jobs is started again. */
async function checkStays(bench: Bench, job: JobView, what: string): Promise<void> {
  const { submit, findings, soonMs } = bench;
  await job.untilEnded(soonMs);
  const next = await submit('conformance.echo', 1);
  if (await next.untilEnded(soonMs)) return await bench.ended(job, 'worker-stays');
  findings.check('worker-stays', false, `the job after ${what} did not end`);
  await bench.parts.worker.kill();
  await bench.startWorker();
}

/** A job that runs. */
async function started(
  bench: Bench,
  { ms = LONG_MS, spec }: { readonly ms?: number; readonly spec?: JobSpec },
): Promise<JobView> {
  const job = await bench.submit('conformance.sleep', { ms }, spec === undefined ? {} : { spec });
  await bench.need(job, 'started-stored', 'the event started', () => job.events.length > 0);
  return job;
}

/** The subjects on which the running worker has announced itself. */
function hostKeys({ parts }: Bench): string[] {
  const { tape, worker } = parts;
  return tape.all
    .filter(
      ({ subject, data }) => subject.startsWith('$KV.HOSTS.') && text(data).includes(`"${worker.name}"`),
    )
    .map(({ subject }) => subject);
}

/** A deleted key of a bucket is a message with an operation in a header, and without a body. */
function isDeletion({ parts }: Bench, subject: string): boolean {
  return parts.tape.all.some(
    (heard) => heard.subject === subject && /^(DEL|PURGE)$/.test(heard.values('KV-Operation')[0] ?? ''),
  );
}

function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}
