import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lastOf, readHistory } from '../../../edge/jobs/event-history.ts';
import type { BrokerSession } from '../../../edge/nats/broker-session.ts';
import type { SubjectPageQuery } from '../../../edge/nats/subject-page.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';

const AT = '2026-01-02T03:04:05.678Z';
const COMMON = { jobId: 'job-1', at: AT, worker: 'w', traceId: '', spanId: '', attempt: 1, maxAttempts: 5 };
const JOB_EVENT = writeJson({ ...COMMON, kind: 'progress', operation: 'echo', released: 0, acceptedAt: AT });
const CALLBACK_EVENT = writeJson({ ...COMMON, kind: 'callback-retrying', url: 'https://acme.example/' });

/** A stream whose places hold events of a job (true) and of its callback (false). */
function sessionOf(stream: readonly boolean[]): BrokerSession {
  const page = async (_stream: string, { subject, from, maxMessages }: SubjectPageQuery) => {
    const isJob = subject === 'events.acme.job-1';
    const messages = stream
      .map((ofJob, index) => ({ ofJob, sequence: index + 1, data: ofJob ? JOB_EVENT : CALLBACK_EVENT }))
      .filter(({ ofJob, sequence }) => ofJob === isJob && sequence >= from)
      .slice(0, Math.min(2, maxMessages));
    return { messages, more: false };
  };
  return { page } as unknown as BrokerSession;
}

it('a history holds what happened to a job and its callback, in order, whatever the pages', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { maxLength: 40 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 0, max: 40 }),
      async (stream, maxEvents, from) => {
        const until = { job: stream.lastIndexOf(true) + 1, callback: stream.lastIndexOf(false) + 1 };
        const seen: number[] = [];
        let after = from;
        while (after < lastOf(until)) {
          const range = { after, until, maxEvents, maxBytes: 1_000_000 };
          const { events, upTo } = await readHistory(sessionOf(stream), 'acme', 'job-1', range);
          expect(upTo).toBeGreaterThan(after);
          seen.push(...events.map(({ id }) => Number(id)));
          after = upTo;
        }
        const expected = stream.map((_, index) => index + 1).filter((sequence) => sequence > from);
        expect(seen).toEqual(expected);
      },
    ),
  );
});
