/** Jobs that were redriven. */
import { headerValues } from '../../../shared/wire/headers.ts';
import { redriveMessageId } from '../../../shared/wire/redrive.ts';
import { eventSubject } from '../../../shared/wire/subjects.ts';
import type { Bench } from '../bench.ts';
import { foreignEvent } from '../broker/foreign-event.ts';
import type { JobView } from '../broker/job-view.ts';
import { TENANT } from '../broker/queue.ts';
import type { WorkerCase } from './case.ts';

export const REDRIVE_CASES: readonly WorkerCase[] = [
  {
    name: 'redrive',
    what: 'a redriven job starts over, in its new trace',
    sentences: ['redrive-counts', 'started-record', 'attempt-number', 'context-continue'],
    run: async (bench) => {
      const { job, traceIds } = await redrive(bench, true);
      const { findings } = bench;
      const told = 'started 1, failed 1, redriven 0, started 1, failed 1';
      findings.check('attempt-number', job.told === told, `the events are: ${job.told}`);
      checkStart(bench, job);
      for (const { body, values, isEnd } of job.events.slice(3)) {
        const { redriveCount, previousTraceIds, kind } = body;
        const said = `${kind} has redriveCount ${redriveCount} and previousTraceIds ${previousTraceIds}`;
        const isSaid = redriveCount === 1 && previousTraceIds?.join() === traceIds.join();
        findings.check('redrive-counts', isSaid, said);
        const [count, ids] = [
          values('throughline-redrive-count')[0],
          values('throughline-previous-trace-ids')[0],
        ];
        const inHeaders = `${kind} has throughline-redrive-count ${count} and throughline-previous-trace-ids ${ids}`;
        findings.check('redrive-counts', count === '1' && ids === traceIds.join(), inHeaders);
        const wanted = isEnd ? `${body.jobId}:end:1` : `${body.jobId}:1:0:started:1`;
        const [id] = values('Nats-Msg-Id');
        findings.check('redrive-counts', id === wanted, `the Nats-Msg-Id of ${kind} is ${id}, not ${wanted}`);
        const isNew = body.traceId === job.job.traceId;
        findings.check(
          'context-continue',
          isNew,
          `${kind} has traceId ${body.traceId}, not ${job.job.traceId}`,
        );
      }
      const [deadId] = headerValues((await job.deadLetter())?.header)('Nats-Msg-Id');
      const isDead = deadId === `${job.job.address.jobId}:dead:1`;
      findings.check('redrive-counts', isDead, `the Nats-Msg-Id of the dead letter is ${deadId}`);
    },
  },
  {
    name: 'redrive-without-event',
    what: 'a redriven job starts over also if nobody wrote `redriven`',
    sentences: ['started-record', 'attempt-number'],
    run: async (bench) => {
      const { job } = await redrive(bench, false);
      const told = 'started 1, failed 1, started 1, failed 1';
      bench.findings.check('attempt-number', job.told === told, `the events are: ${job.told}`);
      checkStart(bench, job);
    },
  },
];

/** Fails a job, and redrives it as the edge does. @returns the job's second message */
async function redrive(
  bench: Bench,
  withEvent: boolean,
): Promise<{ readonly job: JobView; readonly traceIds: readonly string[] }> {
  const spec = { maxAttempts: 1 };
  const first = await bench.run('conformance.fail', {}, 'end-failed', { spec });
  const dead = await first.deadLetter();
  if (dead === undefined) return bench.findings.fail('end-failed', 'there is no dead letter to redrive');
  const { jobId } = first.job.address;
  const traceIds = [first.job.traceId ?? ''];
  const redrive = { redriveCount: 1, previousTraceIds: traceIds };
  const last = first.events.at(-1)?.sequence ?? 0;
  if (withEvent) {
    const event = foreignEvent('redriven', first.job.address, { attempt: 0, after: last, redrive });
    await bench.publish(eventSubject(TENANT, jobId), event.body, event.headers);
  }
  const messageId = redriveMessageId(jobId, dead.seq);
  const job = await bench.submit('conformance.fail', {}, { jobId, spec, redrive, messageId });
  await bench.ended(job, 'attempt-number');
  return { job, traceIds };
}

/** The second `started` follows the event before it. */
function checkStart({ findings }: Bench, { events }: JobView): void {
  const place = events.findLastIndex(({ body }) => body.kind === 'started');
  const [expected] = events[place]?.values('Nats-Expected-Last-Subject-Sequence') ?? [];
  const last = events[place - 1]?.sequence;
  findings.check(
    'started-record',
    expected === String(last),
    `started expects ${expected}, and follows ${last}`,
  );
}
