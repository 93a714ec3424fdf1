import fc from 'fast-check';
import { expect, it } from 'vitest';
import openApi from '../../../../edge/http/docs/openapi.json' with { type: 'json' };
import { lastOf, readHistory, readJobHistory } from '../../../../edge/jobs/history/job-history.ts';
import { EVENTS_PAGE_LIMIT } from '../../../../shared/api/page-limits.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import { callbackEventSubject, eventSubject } from '../../../../shared/wire/subjects.ts';
import { MemoryBroker } from '../../support/memory-broker.ts';

const AT = '2026-01-02T03:04:05.678Z';
const COMMON = { jobId: 'job-1', at: AT, worker: 'w', traceId: '', spanId: '', attempt: 1, maxAttempts: 5 };
const JOB_EVENT = writeJson({ ...COMMON, kind: 'progress', operation: 'echo', released: 0, acceptedAt: AT });
const CALLBACK_EVENT = writeJson({ ...COMMON, kind: 'callback-retrying', url: 'https://acme.example/' });

/** A broker whose stream `EVENTS` holds events of a job (true) and of its callback (false), and gives pages of two. */
function brokerWith(events: readonly boolean[]): MemoryBroker {
  const broker = new MemoryBroker();
  broker.pageLimit = 2;
  for (const [index, ofJob] of events.entries()) {
    const subject = ofJob ? eventSubject('acme', 'job-1') : callbackEventSubject('acme', 'job-1');
    const data = ofJob ? JOB_EVENT : CALLBACK_EVENT;
    broker.store('EVENTS', { subject, data, sequence: index + 1, headers: undefined, time: new Date(AT) });
  }
  return broker;
}

it('a history holds all events of a job and of its callback, in order, however they fall on pages', async () => {
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
          const { events, upTo } = await readHistory(brokerWith(stream), 'acme', 'job-1', range);
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

it('one answer holds no more events than the OpenAPI document says', async () => {
  const broker = brokerWith(Array.from({ length: 3 * EVENTS_PAGE_LIMIT }, (_, index) => index % 2 === 0));
  const { events, next } = await readJobHistory(broker, { tenant: 'acme', jobId: 'job-1', after: 0 });
  expect(next).toBeDefined();
  expect(events.length).toBeLessThanOrEqual(2 * EVENTS_PAGE_LIMIT);
  expect(events.length).toBeGreaterThan(EVENTS_PAGE_LIMIT);
  const { description } = openApi.components.schemas.JobHistory.properties.events;
  expect(description).toContain(`At most ${EVENTS_PAGE_LIMIT} events of the job`);
});
