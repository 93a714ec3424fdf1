/** The events of a job: their bodies, headers, ids and their chain. */
import type { JobSpec } from '../../../shared/job/job-spec.ts';
import type { JobView } from '../broker/job-view.ts';
import type { StoredEvent } from '../broker/stored-events.ts';
import { jobsOfEveryKind } from '../every-kind.ts';
import type { Findings } from '../findings.ts';
import type { WorkerCase } from './case.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** Reports that come faster than they may be recorded. */
const BURST = { steps: 16, everyMs: 60 };
/** 250, less what two clocks of a worker may differ. */
const LEAST_APART_MS = 200;

/** What a job is asked to be, of which its events repeat everything. */
export const REPEATED: JobSpec = {
  fingerprint: 'ab'.repeat(32),
  priority: 'high',
  orderingKey: 'customer 7',
  tags: ['night', 'x:1'],
};

export const EVENT_CASES: readonly WorkerCase[] = [
  {
    name: 'event-bodies',
    what: 'each event is a whole snapshot, whatever its kind',
    sentences: ['event-body'],
    run: async (bench) => {
      for (const job of await jobsOfEveryKind(bench, 'event-body'))
        for (const event of job.events) checkBody(event, job, bench.parts.worker.name, bench.findings);
    },
  },
  {
    name: 'event-headers',
    what: 'the headers of each event say what its body says',
    sentences: ['event-headers', 'event-ids'],
    run: async (bench) => {
      const { findings } = bench;
      const jobs = await jobsOfEveryKind(bench, 'event-headers', { spec: { tags: ['a', 'b'] } });
      const events = jobs.flatMap((job) => job.events);
      for (const event of events) checkHeaders(event, findings);
      for (const event of events) checkIds(event, findings);
    },
  },
  {
    name: 'event-chain',
    what: 'each event names the event that it follows',
    sentences: ['chain-expected', 'started-first', 'started-record', 'attempt-number'],
    run: async ({ run, findings }) => {
      const job = await run('conformance.retry', { failures: 2 }, 'attempt-number');
      let last = 0;
      for (const { sequence, body, values } of job.events) {
        const [expected] = values('Nats-Expected-Last-Subject-Sequence');
        const sentence =
          body.kind !== 'started' ? 'chain-expected' : last === 0 ? 'started-first' : 'started-record';
        findings.check(
          'chain-expected',
          expected !== undefined,
          `${body.kind} ${body.attempt} expects no sequence`,
        );
        const found = `${body.kind} ${body.attempt} expects ${expected}, and follows ${last}`;
        if (expected !== undefined) findings.check(sentence, expected === String(last), found);
        last = sequence;
      }
      const told = 'started 1, retrying 1, started 2, retrying 2, started 3, succeeded 3';
      findings.check('attempt-number', job.told === told, `the events are: ${job.told}`);
    },
  },
  {
    name: 'one-end',
    what: 'a worker publishes the end of its job once',
    sentences: ['chain-one-end'],
    run: async ({ run, findings, ackWaitMs }) => {
      const job = await run('conformance.echo', 1, 'chain-one-end');
      await job.until(() => endsOf(job).length > 1, ackWaitMs / 4);
      findings.check('chain-one-end', endsOf(job).length === 1, `the stored events are: ${job.told}`);
    },
  },
  {
    name: 'repeated-fields',
    what: 'each event repeats what its job was asked to be, whatever its kind',
    sentences: ['event-repeats'],
    run: async (bench) => {
      for (const job of await jobsOfEveryKind(bench, 'event-repeats', { spec: REPEATED }))
        checkRepeats(job, bench.findings);
    },
  },
  {
    name: 'progress',
    what: 'what the operation reports is recorded in its order, not too often, and is no end',
    sentences: ['event-progress', 'progress-order'],
    run: async ({ run, findings }) => {
      const jobs = await Promise.all([
        run('conformance.progress', { steps: 3 }, 'event-progress'),
        run('conformance.progress', BURST, 'event-progress'),
      ]);
      for (const [place, { steps }] of [{ steps: 3 }, BURST].entries())
        checkProgress(jobs[place], steps, findings);
    },
  },
  {
    name: 'fence',
    what: 'the operation gets the facts of its attempt, and the sequence of its event `started`',
    sentences: ['attempt-fence'],
    run: async ({ run, findings }) => {
      const job = await run('conformance.info', {}, 'attempt-fence');
      const [started, end] = job.events;
      const info = (end?.body.result ?? {}) as Readonly<Record<string, unknown>>;
      const { fence, attempt, jobId, tenant } = info;
      const { address } = job.job;
      findings.check(
        'attempt-fence',
        fence === started?.sequence,
        `fence is ${fence}, not ${started?.sequence}`,
      );
      const facts = attempt === 1 && jobId === address.jobId && tenant === address.tenant;
      findings.check('attempt-fence', facts, `the operation knows ${JSON.stringify(info)}`);
    },
  },
];

/** Each event of a job that was asked to be {@link REPEATED} says so. */
export function checkRepeats({ events }: JobView, findings: Findings): void {
  for (const { body } of events)
    for (const name of ['fingerprint', 'priority', 'orderingKey', 'tags'] as const) {
      const found = `${body.kind} ${body.attempt} has ${name} ${JSON.stringify(body[name])}`;
      const isSame = JSON.stringify(body[name]) === JSON.stringify(REPEATED[name]);
      findings.check('event-repeats', isSame, found);
    }
}

/** Reports are apart, and each is one that the operation made after the one before. */
function checkProgress(job: JobView | undefined, steps: number, findings: Findings): void {
  const reports = job?.events.filter(({ body }) => body.kind === 'progress') ?? [];
  findings.check('event-progress', reports.length > 0, `the events are: ${job?.told}`);
  let last = { at: Number.NEGATIVE_INFINITY, step: 0 };
  for (const { body, fault } of reports) {
    findings.check('event-progress', fault === undefined, `a progress cannot be read: ${fault}`);
    const { fraction = -1 } = body.progress ?? {};
    const [at, step] = [Date.parse(body.at), Math.round(fraction * steps)];
    const isReported = step >= 1 && step <= steps && Math.abs(fraction - step / steps) < 1e-9;
    findings.check('event-progress', isReported, `the fraction is ${fraction}, of ${steps} steps`);
    const apartMs = at - last.at;
    findings.check('event-progress', apartMs >= LEAST_APART_MS, `two reports are ${apartMs} ms apart`);
    const found = `the fraction ${fraction} is recorded after ${last.step / steps}`;
    findings.check('progress-order', step > last.step, found);
    last = { at, step };
  }
}

function endsOf(job: JobView): readonly StoredEvent[] {
  return job.events.filter(({ isEnd }) => isEnd);
}

function checkBody({ body, fault }: StoredEvent, job: JobView, worker: string, findings: Findings): void {
  const at = `in ${body.kind} ${body.attempt}`;
  findings.check('event-body', fault === undefined, `${at}: ${fault}`);
  const { jobId, operation } = job.job.address;
  findings.check('event-body', body.jobId === jobId, `${at}: jobId is ${body.jobId}`);
  findings.check('event-body', body.operation === operation, `${at}: operation is ${body.operation}`);
  findings.check('event-body', body.worker === worker, `${at}: worker is ${body.worker}, not ${worker}`);
  const startedAt = body.startedAt ?? '';
  findings.check('event-body', TIME.test(startedAt), `${at}: startedAt is ${JSON.stringify(startedAt)}`);
  const sent = job.job.headers.find(([name]) => name === 'ce-time')?.[1] ?? '';
  const isAccepted = Date.parse(body.acceptedAt) === Date.parse(sent);
  findings.check(
    'event-body',
    isAccepted,
    `${at}: acceptedAt is ${body.acceptedAt}, and ce-time of the job ${sent}`,
  );
}

function checkHeaders({ body, values }: StoredEvent, findings: Findings): void {
  const wanted: Readonly<Record<string, string | undefined>> = {
    'ce-specversion': '1.0',
    'ce-type': `dev.throughline.job.${body.kind}`,
    'ce-time': body.at,
    'content-type': 'application/json',
    'throughline-operation': body.operation,
    'throughline-attempt': String(body.attempt),
    'throughline-max-attempts': String(body.maxAttempts),
    'throughline-accepted-at': body.acceptedAt,
    'throughline-started-at': body.startedAt,
    'throughline-trace-id': body.traceId,
    'throughline-error-code': body.error?.code,
    'throughline-tags': body.tags?.join(','),
  };
  for (const [name, value] of Object.entries(wanted)) {
    const [found] = values(name);
    const says = `${body.kind} ${body.attempt} has ${name} ${JSON.stringify(found)}, not ${JSON.stringify(value)}`;
    findings.check('event-headers', found === value, says);
  }
  findings.check('event-headers', (values('ce-source')[0] ?? '') !== '', `${body.kind} has no ce-source`);
}

function checkIds({ body, values, isEnd }: StoredEvent, findings: Findings): void {
  const [id = '', ce = ''] = [values('Nats-Msg-Id')[0], values('ce-id')[0]];
  const { jobId, attempt, released, kind, at } = body;
  const number = kind === 'progress' ? `progress:${at}` : `${released}:${kind}`;
  const wanted = isEnd ? `${jobId}:end` : `${jobId}:${attempt}:${number}`;
  findings.check('event-ids', id === wanted, `Nats-Msg-Id is ${id}, not ${wanted}`);
  findings.check('event-ids', id === ce, `ce-id is ${ce}, and Nats-Msg-Id ${id}`);
}
