/** Jobs, and how their messages are read. */
import { isDeepStrictEqual } from 'node:util';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { ORDERED_LANES, ROUTES } from '../../../shared/wire/lanes.ts';
import { deadSubject } from '../../../shared/wire/subjects.ts';
import type { JobView } from '../broker/job-view.ts';
import { isTraceId, newTraceparent } from '../broker/traceparent.ts';
import type { Findings } from '../findings.ts';
import type { WorkerCase } from './case.ts';

const INPUT = { text: 'grüße, 世界 🌍', list: [1, 2.5, null, true], nested: { deep: [{}] }, empty: '' };

const UNREADABLE_BODIES: readonly (readonly [what: string, body: Uint8Array])[] = [
  ['half a text', writeJson('x').slice(0, -1)],
  ['a text in ISO 8859-1', Buffer.from('"grüße"', 'latin1')],
  ['a text in UTF-16', Buffer.from('"grüße"', 'utf16le')],
];
/** Subjects that NATS takes, with a tenant or a job id that no job can have. */
const WRONG_SUBJECTS = ['conformance.a!b', 'conformance.größe', `${'t'.repeat(65)}.job-1`].map(
  (names) => `jobs.normal.p0.${names}.conformance.echo`,
);
/** None of them is a time of RFC 3339 in UTC: no zone, no such day, no seconds, a year of five digits. */
const UNREADABLE_TIMES = [
  'yesterday',
  '2001-01-02T03:04:05',
  '2001-02-30T03:04:05Z',
  '2001-01-02T03:04Z',
  '9999-12-31T23:59:59-10:00',
];

const UNREADABLE_LIMITS = [
  ['throughline-max-attempts', 'many'],
  ['throughline-max-attempts', '101'],
  ['throughline-timeout-ms', '86400001'],
] as const;
const UNREADABLE_HEADERS = [
  ['throughline-fingerprint', 'ab'],
  ['throughline-priority', 'urgent'],
  ['throughline-ordering-key', 'k'.repeat(129)],
  ['throughline-tags', 'a,,b'],
] as const;
const UNREADABLE_REDRIVE = [
  ['throughline-redrive-count', '1'],
  ['throughline-previous-trace-ids', 'yesterday'],
] as const;

export const JOB_CASES: readonly WorkerCase[] = [
  {
    name: 'echo',
    what: 'a job runs once, and its result is what the operation returned',
    sentences: ['end-succeeded', 'read-input', 'started-stored', 'settle-once'],
    run: async ({ run, findings }) => {
      const job = await run('conformance.echo', INPUT, 'end-succeeded');
      findings.check('started-stored', job.kinds[0] === 'started', `the events are: ${job.told}`);
      findings.check(
        'end-succeeded',
        job.kinds.join() === 'started,succeeded',
        `the events are: ${job.told}`,
      );
      const result = job.end?.body.result;
      const isSame = isDeepStrictEqual(result, INPUT);
      findings.check('read-input', isSame, `the result is ${JSON.stringify(result)}`);
      const kinds = job.answers.map(({ kind }) => kind).join();
      findings.check('end-succeeded', kinds.startsWith('ack'), `the answer is ${kinds}`);
      findings.check('settle-once', job.answers.length === 1, `the answers are ${kinds}`);
    },
  },
  {
    name: 'no-headers',
    what: 'a job whose message has no headers runs, in a trace of its own',
    sentences: ['read-bare', 'context-broken'],
    run: async ({ run, findings }) => {
      const job = await run('conformance.echo', null, 'read-bare', { headers: [] });
      findings.check('read-bare', job.end?.body.kind === 'succeeded', `the events are: ${job.told}`);
      const { traceId = '' } = job.end?.body ?? {};
      findings.check('context-broken', isTraceId(traceId), `traceId is ${JSON.stringify(traceId)}`);
    },
  },
  {
    name: 'header-case',
    what: 'headers in the case that Go writes are read',
    sentences: ['read-case', 'context-continue'],
    run: async ({ run, findings }) => {
      const traceparent = newTraceparent();
      const job = await run('conformance.echo', 1, 'read-case', {
        headers: [
          ['Traceparent', traceparent],
          ['Throughline-Max-Attempts', '2'],
        ],
      });
      const { traceId, maxAttempts } = job.end?.body ?? {};
      findings.check('context-continue', traceId === job.job.traceId, `traceId is ${traceId}`);
      findings.check(
        'read-case',
        maxAttempts === 2,
        `maxAttempts is ${maxAttempts}, and Throughline-Max-Attempts 2`,
      );
    },
  },
  {
    name: 'unreadable-body',
    what: 'a body that is not JSON goes to the dead letters',
    sentences: ['read-invalid', 'end-numbers', 'end-failed', 'worker-stays'],
    run: async ({ run, findings }) => {
      for (const [what, body] of UNREADABLE_BODIES) {
        const job = await run('conformance.echo', null, 'read-invalid', { body });
        const { error } = job.end?.body ?? {};
        const found = `with ${what} as the body, the events are: ${job.told}; the code is ${error?.code}`;
        findings.check('read-invalid', error?.code === 'message-invalid', found);
        checkNumbers(job, findings);
        findings.check('end-failed', (await job.deadLetter()) !== undefined, 'there is no dead letter');
      }
    },
  },
  {
    name: 'empty-body',
    what: 'an empty body is the input `null`',
    sentences: ['read-input'],
    run: async ({ run, findings }) => {
      const job = await run('conformance.echo', null, 'read-input', { body: new Uint8Array() });
      const { kind, result } = job.end?.body ?? {};
      const found = `the events are: ${job.told}; the result is ${JSON.stringify(result)}`;
      findings.check('read-input', kind === 'succeeded' && result === null, found);
    },
  },
  {
    name: 'unreadable-subject',
    what: 'a message whose subject is not that of a job goes to the dead letters',
    sentences: ['read-invalid'],
    run: async ({ submit, findings, soonMs }) => {
      for (const wrongSubject of WRONG_SUBJECTS) {
        const job = await submit('conformance.echo', 1, { wrongSubject });
        await job.until(() => job.answers.length > 0, soonMs);
        const answers = job.answers.map(({ kind }) => kind).join() || 'missing';
        const letters = (await job.deadLetter()) === undefined ? 'no dead letter' : 'a dead letter';
        const found = `the answer to a message on ${wrongSubject} is ${answers}, and there is ${letters} on ${deadSubject(job.job.address)}`;
        findings.check('read-invalid', answers === 'term' && letters === 'a dead letter', found);
      }
    },
  },
  {
    name: 'unreadable-limit',
    what: 'a limit that cannot be read is no limit that may be left out',
    sentences: ['read-invalid', 'end-numbers'],
    run: async ({ run, findings }) => {
      for (const limit of UNREADABLE_LIMITS) {
        const job = await run('conformance.echo', null, 'read-invalid', { headers: [limit] });
        const { error } = job.end?.body ?? {};
        const isRefused = error?.code === 'message-invalid';
        findings.check('read-invalid', isRefused, `with ${limit.join(': ')}, the events are: ${job.told}`);
        checkNumbers(job, findings);
      }
    },
  },
  {
    name: 'unreadable-headers',
    what: 'other headers that cannot be read are no part of the events, and the time of acceptance is in UTC',
    sentences: ['read-absent'],
    run: async ({ run, findings }) => {
      const time = ['ce-time', '2026-01-02T05:04:05+02:00'] as const;
      const job = await run('conformance.echo', 1, 'read-absent', { headers: [...UNREADABLE_HEADERS, time] });
      const { kind, fingerprint, priority, orderingKey, tags, acceptedAt } = job.end?.body ?? {};
      findings.check('read-absent', kind === 'succeeded', `the events are: ${job.told}`);
      const repeated = JSON.stringify({ fingerprint, priority, orderingKey, tags });
      findings.check('read-absent', repeated === '{}', `the events repeat ${repeated}`);
      const isUtc = /^2026-01-02T03:04:05(\.0+)?Z$/.test(acceptedAt ?? '');
      findings.check('read-absent', isUtc, `acceptedAt is ${acceptedAt}, and ce-time ${time[1]}`);
      const redriven = await run('conformance.echo', 1, 'read-absent', { headers: UNREADABLE_REDRIVE });
      const ids = JSON.stringify(redriven.end?.body.previousTraceIds ?? []);
      findings.check('read-absent', ids === '[]', `previousTraceIds is ${ids}, which are no ids of traces`);
      for (const unreadable of UNREADABLE_TIMES) {
        const later = await run('conformance.echo', 1, 'read-absent', { headers: [['ce-time', unreadable]] });
        const told = later.end?.body.acceptedAt ?? '';
        const isStoredAt = /^20.*Z$/.test(told) && !told.startsWith('2001');
        findings.check('read-absent', isStoredAt, `acceptedAt is ${told}, and ce-time ${unreadable}`);
      }
    },
  },
  {
    name: 'encoded-time',
    what: 'a time of acceptance that is percent-encoded is read',
    sentences: ['read-decode'],
    run: async ({ run, findings }) => {
      const time = ['ce-time', '2026-01-02T03%3A04%3A05Z'] as const;
      const job = await run('conformance.echo', 1, 'read-decode', { headers: [time] });
      const told = job.end?.body.acceptedAt ?? '';
      const found = `acceptedAt is ${told}, and ce-time ${time[1]}`;
      findings.check('read-decode', /^2026-01-02T03:04:05(\.0+)?Z$/.test(told), found);
    },
  },
  {
    name: 'every-lane',
    what: 'a job of each priority and each lane runs',
    sentences: ['consumer-lanes'],
    run: async ({ submit, findings, soonMs }) => {
      const jobs = await Promise.all(
        ROUTES.map(async (route) => ({ route, job: await submit('conformance.echo', 1, { route }) })),
      );
      const left = await Promise.all(
        jobs.map(async ({ route, job }) =>
          (await job.untilEnded(soonMs)) ? [] : [`${route.priority}.${route.lane}`],
        ),
      );
      findings.check('consumer-lanes', left.flat().length === 0, `no job ended in ${left.flat().join(', ')}`);
    },
  },
  {
    name: 'ordered-lane',
    what: 'two jobs in one ordered lane run one after the other',
    sentences: ['consumer-ordered'],
    run: async ({ submit, ended, findings }) => {
      const route = { priority: 'normal', lane: ORDERED_LANES[7] } as const;
      const spec = { orderingKey: 'customer-7' };
      const first = await submit('conformance.sleep', { ms: 600 }, { route, spec });
      const second = await submit('conformance.sleep', { ms: 1 }, { route, spec });
      await ended(first, 'consumer-ordered');
      await ended(second, 'consumer-ordered');
      const [start] = second.events;
      const end = first.end;
      const isAfter = start !== undefined && end !== undefined && start.sequence > end.sequence;
      findings.check('consumer-ordered', isAfter, 'the second job started before the first one had ended');
    },
  },
  {
    name: 'missing-operation',
    what: 'a job of an operation that nobody has waits, and no attempt is spent',
    sentences: ['missing-operation'],
    run: async ({ submit, findings, ackWaitMs }) => {
      const job = await submit('conformance.nobody-has-this', 1);
      await job.until(() => job.answers.length > 0 || job.events.length > 0, ackWaitMs / 2);
      findings.check('missing-operation', job.events.length === 0, `the events are: ${job.told}`);
      const others = job.answers.filter(({ kind }) => kind !== 'nak').map(({ kind }) => kind);
      findings.check('missing-operation', others.length === 0, `the answer is ${others.join()}`);
    },
  },
];

/** What the end of a job has whose message cannot be read. */
function checkNumbers({ end }: JobView, findings: Findings): void {
  const { attempt, maxAttempts } = end?.body ?? {};
  const found = `attempt is ${attempt}, and maxAttempts ${maxAttempts}`;
  findings.check('end-numbers', attempt === 1 && maxAttempts === 1, found);
}
