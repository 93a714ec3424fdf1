/** Deliveries: keep-alives, answers and cancel notices. */
import { cancelSubject } from '../../../shared/wire/subjects.ts';
import { sendCancel } from '../broker/cancel.ts';
import { newJobId, TENANT } from '../broker/queue.ts';
import type { WorkerCase } from './case.ts';

/** The second one is more than 64 bits hold. */
const UNREADABLE_SEQUENCES = ['the last one', '99999999999999999999'];

export const QUEUE_CASES: readonly WorkerCase[] = [
  {
    name: 'settle-order',
    what: 'the answer to a delivery follows the event that it is for',
    sentences: ['settle-last', 'settle-once'],
    run: async ({ run, findings, ackWaitMs }) => {
      const job = await run('conformance.retry', { failures: 1 }, 'settle-last');
      await job.until(() => job.answers.length > 2, ackWaitMs / 4);
      for (const { place, kind, delivery } of job.answers) {
        const event = job.events
          .filter(({ body }) => body.attempt === delivery && body.kind !== 'started')
          .at(-1);
        const at = event === undefined ? Number.POSITIVE_INFINITY : job.placeOf(event);
        findings.check(
          'settle-last',
          at < place,
          `the ${kind} of delivery ${delivery} came before the event`,
        );
        const same = job.answers.filter((answer) => answer.delivery === delivery).length;
        findings.check('settle-once', same === 1, `delivery ${delivery} was answered ${same} times`);
      }
    },
  },
  {
    name: 'keep-alive',
    what: 'a job that takes longer than its ack wait runs once',
    sentences: ['keep-alive'],
    run: async ({ submit, ended, findings, ackWaitMs, soonMs }) => {
      const ms = Math.round(ackWaitMs * 1.6);
      const job = await submit('conformance.sleep', { ms });
      await ended(job, 'keep-alive', ms + soonMs);
      const beats = job.acks.filter(({ kind }) => kind === 'keep-alive').length;
      findings.check('keep-alive', beats >= 2, `${beats} keep-alives came in ${ms} ms`);
      findings.check('keep-alive', job.told === 'started 1, succeeded 1', `the events are: ${job.told}`);
      const deliveries = Math.max(...job.acks.map(({ delivery }) => delivery));
      findings.check('keep-alive', deliveries === 1, `the message was delivered ${deliveries} times`);
    },
  },
  {
    name: 'cancel-running',
    what: 'a notice ends a job that runs',
    sentences: ['cancel-running'],
    run: async (bench) => {
      const { submit, need, ended, findings } = bench;
      const job = await submit('conformance.sleep', { ms: 60_000 });
      await need(job, 'cancel-running', 'the event started', () => job.events.length > 0);
      await sendCancel(bench, job);
      await ended(job, 'cancel-running');
      const { error } = job.end?.body ?? {};
      findings.check('cancel-running', job.told === 'started 1, cancelled 1', `the events are: ${job.told}`);
      findings.check('cancel-running', error?.code === 'job-cancelled', `error is ${JSON.stringify(error)}`);
      const [answer] = job.answers;
      findings.check('cancel-running', answer?.kind === 'ack', `the answer is ${answer?.kind}`);
      findings.check('cancel-running', (await job.deadLetter()) === undefined, 'there is a dead letter');
    },
  },
  {
    name: 'cancel-earlier-message',
    what: 'a notice for an earlier message of the job changes nothing',
    sentences: ['cancel-sequence'],
    run: async (bench) => {
      const { submit, need, ended, findings } = bench;
      const job = await submit('conformance.sleep', { ms: 500 });
      await need(job, 'cancel-sequence', 'the event started', () => job.events.length > 0);
      await sendCancel(bench, job, job.job.sequence - 1);
      await ended(job, 'cancel-sequence');
      findings.check('cancel-sequence', job.end?.body.kind === 'succeeded', `the events are: ${job.told}`);
    },
  },
  {
    name: 'cancel-unreadable',
    what: 'a stored notice that names no message changes nothing',
    sentences: ['cancel-sequence'],
    run: async ({ publish, run, findings }) => {
      for (const sequence of UNREADABLE_SEQUENCES) {
        const jobId = newJobId();
        await publish(cancelSubject(TENANT, jobId), '', { 'throughline-job-sequence': sequence });
        const job = await run('conformance.retry', { failures: 1 }, 'cancel-sequence', { jobId });
        const found = `after a notice for ${sequence}, the events are: ${job.told}`;
        findings.check('cancel-sequence', job.end?.body.kind === 'succeeded', found);
      }
    },
  },
];
