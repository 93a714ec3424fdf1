import { describe, expect, it, onTestFinished } from 'vitest';
import { createLogger } from '../../../edge/telemetry/log.ts';
import { JobWatches, type WatchLease } from '../../../edge/watch/job-watches.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { eventSubject } from '../../../shared/wire/subjects.ts';
import { MemoryConnection } from '../support/memory-connection.ts';

const AT = '2026-01-02T03:04:05.678Z';
const JOB = { tenant: 'acme', jobId: 'job-1' };
const EVENT = {
  jobId: JOB.jobId,
  operation: 'echo',
  at: AT,
  acceptedAt: AT,
  worker: 'w',
  traceId: '',
  spanId: '',
  attempt: 1,
  maxAttempts: 5,
  released: 0,
};

/** The watches of a bridge whose NATS has events of these kinds. */
function setup(...kinds: readonly string[]) {
  const connection = new MemoryConnection();
  const { broker } = connection;
  let sequence = 0;
  const record = (kind: string): void => {
    const data = writeJson({ ...EVENT, kind });
    const subject = eventSubject(JOB.tenant, JOB.jobId);
    broker.store('EVENTS', { subject, data, sequence: ++sequence, headers: undefined, time: new Date(AT) });
  };
  for (const kind of kinds) record(kind);
  const log = createLogger('error');
  const outbox = { findPending: () => undefined, rejected: { findByJob: () => undefined } };
  const watches = new JobWatches(
    connection,
    log,
    outbox as unknown as ConstructorParameters<typeof JobWatches>[2],
  );
  const join = async (after: number): Promise<WatchLease> => {
    const lease = await watches.join({ ...JOB, isAgain: false, after }, 10);
    onTestFinished(lease.release);
    return lease;
  };
  return { broker, record, join };
}

async function idsAfter({ watch }: WatchLease, after: number): Promise<string[]> {
  return (await watch.read(after)).events.map(({ id }) => id);
}

describe('the first reader of a job', () => {
  it('gets the first page that was asked for with the ends of the history', async () => {
    const { broker, join } = setup('started', 'progress');
    const pagesBefore: number[] = [];
    broker.before('lastMessage', () => pagesBefore.push(broker.calls('page')));
    const lease = await join(0);
    expect(await idsAfter(lease, 0)).toEqual(['1', '2']);
    // One page of the job, and one of its callback.
    expect([pagesBefore[0], broker.calls('page')]).toEqual([2, 2]);
  });

  it('misses no event that was recorded between the page and the end', async () => {
    const { broker, record, join } = setup('started');
    broker.before('lastMessage', (nth) => nth === 1 && record('progress'));
    const lease = await join(0);
    expect(await idsAfter(lease, 0)).toEqual(['1', '2']);
  });

  it('reads the page again if it could not be read with the ends', async () => {
    const { broker, join } = setup('started', 'succeeded');
    broker.before('page', (nth) => {
      if (nth === 1) throw new Error('no page');
    });
    const lease = await join(0);
    expect(await idsAfter(lease, 0)).toEqual(['1', '2']);
  });
});

it('readers who come together get the events after their own places', async () => {
  const { join } = setup('started', 'progress', 'succeeded');
  const [one, other] = await Promise.all([join(0), join(1)]);
  expect(await idsAfter(one, 0)).toEqual(['1', '2', '3']);
  expect(await idsAfter(other, 1)).toEqual(['2', '3']);
  expect(await other.watch.read(3)).toMatchObject({ events: [], ended: true });
});
