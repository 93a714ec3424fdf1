/** How jobs end. */
import type { StoredMsg } from '@nats-io/jetstream';
import { headerValues } from '../../../shared/wire/headers.ts';
import { deadSubject } from '../../../shared/wire/subjects.ts';
import type { JobView } from '../broker/job-view.ts';
import type { Findings } from '../findings.ts';
import type { WorkerCase } from './case.ts';

const TOO_MANY_BYTES = 700_000;
const MANY_BYTES = 300_000;

export const ENDING_CASES: readonly WorkerCase[] = [
  {
    name: 'retry',
    what: 'an attempt that fails is followed by another one, and is no dead letter',
    sentences: ['end-retrying', 'dead-failed'],
    run: async ({ run, findings }) => {
      const job = await run('conformance.retry', { failures: 1 }, 'end-retrying');
      const told = 'started 1, retrying 1, started 2, succeeded 2';
      findings.check('end-retrying', job.told === told, `the events are: ${job.told}`);
      const { error, retryInMs = -1 } = job.events[1]?.body ?? {};
      findings.check('end-retrying', error?.code === 'operation-failed', `error is ${JSON.stringify(error)}`);
      findings.check('end-retrying', retryInMs >= 0, `retryInMs is ${retryInMs}`);
      const [nak] = job.answers;
      const found = `the answer is ${nak?.kind} with ${nak?.delayMs} ms, and retryInMs ${retryInMs}`;
      const isDelayed = nak?.kind === 'nak' && Math.abs(nak.delayMs - retryInMs) <= 5;
      findings.check('end-retrying', isDelayed, found);
      const dead = job.heardOn(deadSubject(job.job.address)).length;
      findings.check('dead-failed', dead === 0, `${dead} dead letters were written; events: ${job.told}`);
    },
  },
  {
    name: 'attempts-of-message',
    what: 'a job has no more attempts than its message allows, and is then a dead letter',
    sentences: ['read-attempts', 'end-failed', 'dead-failed', 'dead-letter', 'dead-reason', 'settle-last'],
    run: async ({ run, findings }) => {
      const spec = { maxAttempts: 2, tags: ['kept'] };
      const job = await run('conformance.fail', { message: 'out of order' }, 'read-attempts', { spec });
      const told = 'started 1, retrying 1, started 2, failed 2';
      findings.check('read-attempts', job.told === told, `the events are: ${job.told}`);
      const maxAttempts = job.end?.body.maxAttempts;
      findings.check('read-attempts', maxAttempts === 2, `maxAttempts is ${maxAttempts}`);
      const { error } = job.end?.body ?? {};
      findings.check('end-failed', error?.code === 'operation-failed', `error is ${JSON.stringify(error)}`);
      const last = job.answers.at(-1)?.kind;
      findings.check('end-failed', last === 'term', `the last answer is ${last}`);
      const dead = await job.deadLetter();
      findings.need('end-failed', dead !== undefined, 'there is no dead letter');
      const letters = job.heardOn(deadSubject(job.job.address)).length;
      findings.check(
        'dead-failed',
        letters <= 1,
        `${letters} dead letters were written; events: ${job.told}`,
      );
      if (dead !== undefined) checkDeadLetter(job, dead, { code: 'operation-failed', attempts: 2 }, findings);
      checkOrder(job, findings);
    },
  },
  {
    name: 'attempts-of-operation',
    what: 'a job has no more attempts than its operation announces',
    sentences: ['read-attempts'],
    run: async ({ run, findings }) => {
      const spec = { maxAttempts: 90 };
      const job = await run('conformance.retry', { failures: 100 }, 'read-attempts', { spec });
      const { attempt, maxAttempts } = job.end?.body ?? {};
      findings.check(
        'read-attempts',
        attempt === maxAttempts && attempt !== 90,
        `the events are: ${job.told}`,
      );
    },
  },
  {
    name: 'rejected',
    what: 'a job that its operation rejects has one attempt',
    sentences: ['end-rejected', 'end-failed', 'settle-last'],
    run: async ({ run, findings }) => {
      const job = await run('conformance.reject', {}, 'end-rejected');
      findings.check('end-rejected', job.told === 'started 1, failed 1', `the events are: ${job.told}`);
      const { error } = job.end?.body ?? {};
      findings.check(
        'end-rejected',
        error?.code === 'operation-rejected',
        `error is ${JSON.stringify(error)}`,
      );
      findings.check('end-failed', (await job.deadLetter()) !== undefined, 'there is no dead letter');
      checkOrder(job, findings);
    },
  },
  {
    name: 'timeout',
    what: 'an attempt that takes too long is aborted',
    sentences: ['read-timeout'],
    run: async ({ run, findings, ackWaitMs }) => {
      const spec = { timeoutMs: 300, maxAttempts: 1 };
      const job = await run('conformance.sleep', { ms: 60_000 }, 'read-timeout', { spec });
      const { error, kind } = job.end?.body ?? {};
      const found = `the events are: ${job.told}; error is ${JSON.stringify(error)}`;
      findings.check('read-timeout', kind === 'failed' && error?.code === 'operation-timeout', found);
      const { at = '', startedAt = '' } = job.end?.body ?? {};
      const tookMs = Date.parse(at) - Date.parse(startedAt);
      const isInTime = tookMs >= spec.timeoutMs && tookMs < spec.timeoutMs + ackWaitMs;
      findings.check('read-timeout', isInTime, `the attempt took ${tookMs} ms of ${spec.timeoutMs} ms`);
    },
  },
  {
    name: 'big-result',
    what: 'a result of many bytes is stored, and one that is too large fails its job',
    sentences: ['end-succeeded', 'end-large', 'worker-stays'],
    run: async ({ run, findings }) => {
      const [big, tooBig] = await Promise.all([
        run('conformance.big', { bytes: MANY_BYTES }, 'end-succeeded'),
        run('conformance.big', { bytes: TOO_MANY_BYTES }, 'end-large'),
      ]);
      const length = JSON.stringify(big.end?.body.result ?? '').length;
      findings.check(
        'end-succeeded',
        length > MANY_BYTES,
        `the result has ${length} characters: ${big.told}`,
      );
      const { error } = tooBig.end?.body ?? {};
      const found = `the events are: ${tooBig.told}; error is ${JSON.stringify(error)}`;
      findings.check('end-large', error?.code === 'result-too-large', found);
    },
  },
];

function checkDeadLetter(
  { job }: JobView,
  dead: StoredMsg,
  { code, attempts }: { readonly code: string; readonly attempts: number },
  findings: Findings,
): void {
  const values = headerValues(dead.header);
  const isSame = Buffer.compare(dead.data, job.body) === 0;
  findings.check('dead-letter', isSame, 'its body is not that of the job’s message');
  for (const [name, value] of job.headers.filter(([name]) => !name.startsWith('Nats-'))) {
    const [found] = values(name);
    findings.check(
      'dead-letter',
      found === value,
      `${name} is ${JSON.stringify(found)}, not ${JSON.stringify(value)}`,
    );
  }
  const wanted = {
    'Nats-Msg-Id': `${job.address.jobId}:dead`,
    'throughline-dead-reason': code,
    'throughline-dead-attempts': String(attempts),
  };
  for (const [name, value] of Object.entries(wanted)) {
    const [found] = values(name);
    findings.check(
      'dead-reason',
      found === value,
      `${name} is ${JSON.stringify(found)}, not ${JSON.stringify(value)}`,
    );
  }
}

/** The dead letter before the event, and the event before the answer. */
function checkOrder(job: JobView, findings: Findings): void {
  const [dead] = job.heardOn(deadSubject(job.job.address));
  const end = job.end === undefined ? -1 : job.placeOf(job.end);
  const answer = job.answers.at(-1)?.place ?? Number.POSITIVE_INFINITY;
  const found = `on the wire: dead letter ${dead?.place}, event ${end}, answer ${answer}`;
  findings.check('settle-last', dead !== undefined && dead.place < end && end < answer, found);
}
