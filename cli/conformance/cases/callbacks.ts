/** The callback tasks of jobs. Nobody delivers them here. */
import { CALLBACK_ENDS } from '../../../shared/job/callback.ts';
import { isWrongLastSequence } from '../../../worker-node/broker/connection/api-error.ts';
import type { Bench } from '../bench.ts';
import { foreignEvent } from '../broker/foreign-event.ts';
import type { JobView } from '../broker/job-view.ts';
import type { JobOptions } from '../broker/queue.ts';
import type { Heard } from '../broker/tape.ts';
import type { WorkerCase } from './case.ts';

const URL = 'https://receiver.invalid/hook';

/** Headers that cannot be read, and mean no callback. */
const UNREADABLE = [
  ['no address', 'succeeded'],
  ['ftp://receiver.invalid/hook', 'succeeded'],
  ['https://ann:secret@receiver.invalid/hook', 'succeeded'],
  ['https://receiver.invalid/hook#part', 'succeeded'],
  [URL, 'succeeded,sometimes'],
] as const;

export const CALLBACK_CASES: readonly WorkerCase[] = [
  {
    name: 'callback',
    what: 'the end of a job with a callback stores a callback task',
    sentences: ['callback-task', 'callback-asked', 'settle-last'],
    run: async ({ run, findings }) => {
      const spec = { callback: { url: URL, events: ['succeeded'] } } as const;
      const job = await run('conformance.echo', 1, 'callback-task', { spec });
      const { jobId } = job.job.address;
      const [task] = tasksOf(job);
      findings.need('callback-task', task !== undefined, 'there is no callback task');
      const [id, told] = [task?.values('Nats-Msg-Id')[0], task?.values('throughline-callback-url')[0]];
      findings.check('callback-task', id === `${jobId}:callback`, `its Nats-Msg-Id is ${id}`);
      findings.check('callback-task', told === URL, `throughline-callback-url is ${told}`);
      const body = new TextDecoder().decode(task?.data);
      const isEvent = body === new TextDecoder().decode(job.end?.data);
      findings.check('callback-task', isEvent, 'its body is not the event');
      const isAfter = job.end !== undefined && (task?.place ?? -1) > job.placeOf(job.end);
      findings.check('callback-asked', isAfter, 'the callback task was written before the end');
      const answered = job.answers[0]?.place ?? Number.POSITIVE_INFINITY;
      const isBefore = (task?.place ?? Number.POSITIVE_INFINITY) < answered;
      findings.check('settle-last', isBefore, 'the message was answered before the callback task');
    },
  },
  {
    name: 'callback-not-asked',
    what: 'an end for which no callback is wanted stores no callback task',
    sentences: ['callback-asked'],
    run: async ({ run, findings, ackWaitMs }) => {
      const asks: readonly (readonly [asks: string, operation: string, options: JobOptions])[] = [
        ['for none', 'conformance.echo', {}],
        ['for one of `failed`', 'conformance.echo', { spec: { callback: { url: URL, events: ['failed'] } } }],
        ...UNREADABLE.map(([url, events]) => {
          const headers = [
            ['throughline-callback-url', url],
            ['throughline-callback-events', events],
          ] as const;
          return [`for one of \`${events}\` at ${url}`, 'conformance.echo', { headers }] as const;
        }),
        [
          'for one of `succeeded`',
          'conformance.reject',
          { spec: { callback: { url: URL, events: ['succeeded'] } } },
        ],
      ];
      const jobs = await Promise.all(
        asks.map(async ([asked, operation, options]) => {
          return [asked, await run(operation, 1, 'callback-asked', options)] as const;
        }),
      );
      await jobs[0]?.[1].until(() => jobs.some(([, job]) => tasksOf(job).length > 0), ackWaitMs / 4);
      for (const [asked, job] of jobs) {
        const tasks = tasksOf(job).length;
        const found = `${tasks} callback tasks were written, and the job asks ${asked}; events: ${job.told}`;
        findings.check('callback-asked', tasks === 0, found);
      }
    },
  },
  {
    name: 'callback-of-another-end',
    what: 'a worker whose end is refused stores no callback task for it',
    sentences: ['callback-asked'],
    run: async (bench) => {
      const { findings, ackWaitMs } = bench;
      const { job, body } = await jobEndedElsewhere(bench);
      await job.until(() => job.answers.length > 0, ackWaitMs);
      await job.until(() => tasksOf(job).length > 0, ackWaitMs / 4);
      const others = tasksOf(job).filter(({ data }) => Buffer.from(data).toString() !== body);
      const found = `${others.length} callback tasks are of an end that is not stored; events: ${job.told}`;
      findings.check('callback-asked', others.length === 0, found);
    },
  },
];

/**
 * Runs a job, and stores another end for it. If the job ends first, since this machine is slow, the next one sleeps for longer.
 * @returns the job, and the body of its end
 */
async function jobEndedElsewhere({ submit, need, publish, findings, ackWaitMs }: Bench) {
  const spec = { callback: { url: URL, events: CALLBACK_ENDS } } as const;
  for (let ms = 400; ms < 4 * ackWaitMs; ms *= 2) {
    const job = await submit('conformance.sleep', { ms }, { spec });
    await need(job, 'callback-asked', 'the event started', () => job.events.length > 0);
    const facts = { attempt: 1, after: job.events[0]?.sequence ?? 0 };
    const { body, headers } = foreignEvent('cancelled', job.job.address, facts);
    try {
      await publish(job.eventSubject, body, headers);
      return { job, body };
    } catch (thrown) {
      if (!isWrongLastSequence(thrown)) throw thrown;
    }
  }
  return findings.fail(
    'callback-asked',
    'each job of conformance.sleep ended before another program could end it',
  );
}

function tasksOf(job: JobView): readonly Heard[] {
  const { tenant, jobId } = job.job.address;
  return job.heardOn(`callbacks.${tenant}.${jobId}`);
}
