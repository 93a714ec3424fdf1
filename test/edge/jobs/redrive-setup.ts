import { UsageBook } from '../../../edge/access/usage-book.ts';
import { PooledJobs } from '../../../edge/bridge/pooled-jobs.ts';
import { redriveJob } from '../../../edge/jobs/redrive.ts';
import type { StoredMessage } from '../../../edge/nats/stored-message.ts';
import type { Logger } from '../../../edge/telemetry/log.ts';
import { NO_USAGE } from '../../../shared/api/usage.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { parseJobSubject } from '../../../shared/wire/subjects.ts';
import { MemoryBroker } from '../support/memory-broker.ts';
import { OLD, stored, TIME } from './stored-letters.ts';

export const FAIR_JOBS = 2;

/** The last event of a job. */
export function event(
  kind: string,
  more: Record<string, unknown> = {},
  seq = 40,
  jobId = 'job-1',
): StoredMessage {
  const at = TIME.toISOString();
  const body = {
    kind,
    jobId,
    operation: 'echo',
    attempt: 3,
    maxAttempts: 3,
    released: 0,
    acceptedAt: at,
    at,
    worker: 'w',
    traceId: OLD,
    spanId: '00f067aa0ba902b7',
    ...more,
  };
  return stored(`events.acme.${jobId}`, seq, {}, writeJson(body));
}

/** Whether a message is that of a job. */
export const isJob = ({ subject }: { readonly subject: string }) => subject.startsWith('jobs.');

/** A broker with these messages in its streams, what was published there, and whose dead letters are left. */
export function setup(
  streams: Readonly<Record<string, readonly StoredMessage[]>>,
  isLimited = false,
  maxJobs = 100,
) {
  const broker = new MemoryBroker();
  for (const [stream, messages] of Object.entries(streams)) broker.store(stream, ...messages);
  const log = { debug() {}, info() {}, warn() {}, error() {} } satisfies Logger;
  const pooled = new PooledJobs(FAIR_JOBS);
  const count = async () => ({ ...NO_USAGE, jobs: broker.published.filter(isJob).length });
  const usage = new UsageBook({ fairJobs: FAIR_JOBS, count });
  const quotasOf = () => ({ ...NO_USAGE, jobs: maxJobs, bytes: 1e6, storedBytes: 1e6 });
  const operations = { isLimited: () => isLimited };
  const parts = { name: 'bridge', log, operations, pooled, usage, quotasOf };
  const written = () =>
    broker.published.map(({ headers, data, ...message }) => ({
      ...message,
      headers: headers.fields,
      body: JSON.parse(new TextDecoder().decode(data)) as unknown,
    }));
  const left = () => broker.stream('DEAD').messages.map(({ subject }) => parseJobSubject(subject)?.jobId);
  return {
    broker,
    parts,
    written,
    left,
    redrive: () => redriveJob(parts, broker, { tenant: 'acme', jobId: 'job-1' }),
  };
}
