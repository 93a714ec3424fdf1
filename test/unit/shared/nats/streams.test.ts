import { describe, expect, it } from 'vitest';
import {
  CALLBACKS_STREAM,
  CANCELS_STREAM,
  callbackConsumerDefinition,
  DEAD_STREAM,
  EVENTS_STREAM,
  groupConsumers,
  HOSTS_STREAM,
  JOBS_STREAM,
  type StreamDefinition,
  streamDefinitions,
} from '../../../../shared/nats/streams.ts';
import { isLimitedLane, isOrderedLane, OWN_ROUTES, ROUTES } from '../../../../shared/wire/lanes.ts';
import {
  callbackEventSubject,
  callbackSubject,
  cancelSubject,
  deadSubject,
  eventSubject,
  jobSubject,
  subjectMatches,
} from '../../../../shared/wire/subjects.ts';

const DAY_NS = 24 * 60 * 60 * 1e9;
const address = { tenant: 'acme', jobId: 'job-1', operation: 'image.thumbnail' };

function stream(name: string): StreamDefinition {
  const found = streamDefinitions().find((definition) => definition.name === name);
  if (found === undefined) throw new Error(`there is no stream ${name}`);
  return found;
}

describe('the streams', () => {
  it.each([
    [JOBS_STREAM, jobSubject(address)],
    [EVENTS_STREAM, eventSubject('acme', 'job-1')],
    [DEAD_STREAM, deadSubject(address)],
    [CANCELS_STREAM, cancelSubject('acme', 'job-1')],
    [CALLBACKS_STREAM, callbackSubject('acme', 'job-1')],
    [EVENTS_STREAM, callbackEventSubject('acme', 'job-1')],
  ])('%s alone takes %s', (name, subject) => {
    const takers = streamDefinitions().filter(({ subjects }) =>
      subjects.some((pattern) => subjectMatches(pattern, subject)),
    );
    expect(takers.map((taker) => taker.name)).toEqual([name]);
  });

  it('keep an accepted job until it is settled, and refuse new jobs when they are full', () => {
    expect(stream(JOBS_STREAM)).toMatchObject({ retention: 'workqueue', discard: 'new', max_age: 0 });
  });

  it.each([
    [EVENTS_STREAM, 7],
    [CANCELS_STREAM, 7],
    [DEAD_STREAM, 30],
  ])('%s drops messages after %i days, so that costs do not grow for ever', (name, days) => {
    expect(stream(name)).toMatchObject({ retention: 'limits', discard: 'old', max_age: days * DAY_NS });
  });

  it('drop the announcement of a host that was not renewed for 90 seconds', () => {
    expect(stream(HOSTS_STREAM)).toMatchObject({ retention: 'limits', max_age: 90 * 1e9 });
  });

  it('keep a callback until it is delivered or given up, for at most a week', () => {
    expect(stream(CALLBACKS_STREAM)).toMatchObject({
      retention: 'workqueue',
      discard: 'new',
      max_age: 7 * DAY_NS,
    });
  });

  it('are all on disk, with a window for duplicates in nanoseconds', () => {
    for (const definition of streamDefinitions()) {
      // JetStream allows no window that is longer than the age of the messages.
      const window = Math.min(120 * 1e9, definition.max_age || Number.POSITIVE_INFINITY);
      expect(definition).toMatchObject({ storage: 'file', duplicate_window: window });
      expect(Number.isSafeInteger(definition.max_age)).toBe(true);
    }
  });

  it('have as many copies as asked for, one by default', () => {
    expect(streamDefinitions().map(({ num_replicas }) => num_replicas)).toEqual(Array(8).fill(1));
    expect(streamDefinitions(3).map(({ num_replicas }) => num_replicas)).toEqual(Array(8).fill(3));
  });
});

describe('a consumer of a worker group', () => {
  it('is durable, needs explicit acks, and never gives up a job by itself', () => {
    const options = { group: 'images', operations: ['image.>'], ackWaitMs: 30_000, maxAckPending: 7 };
    expect(groupConsumers(options)[0]?.definition).toEqual({
      durable_name: 'images-high-p0',
      filter_subject: 'jobs.high.p0.*.*.image.>',
      ack_policy: 'explicit',
      deliver_policy: 'all',
      ack_wait: 30 * 1e9,
      max_deliver: -1,
      max_ack_pending: 7,
    });
  });

  it('is one of several that take each job of its operations, and no job twice', () => {
    const options = { group: 'g', operations: ['image.>'], ackWaitMs: 30_000, maxAckPending: 7 };
    const consumers = groupConsumers(options);
    expect(new Set(consumers.map(({ definition }) => definition.durable_name)).size).toBe(ROUTES.length);
    for (const route of ROUTES) {
      const takers = consumers.filter(({ definition }) =>
        subjectMatches(definition.filter_subject ?? '', jobSubject(address, route)),
      );
      expect(takers.map((taker) => taker.route)).toEqual([route]);
    }
  });

  it('takes several operations with one filter for each, in each lane', () => {
    const options = { group: 'g', operations: ['image.>', 'mail.send'], ackWaitMs: 30_000, maxAckPending: 7 };
    const consumers = groupConsumers({ ...options, ownLanes: ['acme'] });
    expect(consumers).toHaveLength(ROUTES.length + OWN_ROUTES.length);
    for (const { definition } of consumers) {
      expect(definition).not.toHaveProperty('filter_subject');
      const ends = definition.filter_subjects?.map((filter) => filter.replace(/^.*\*\./, ''));
      expect(ends).toEqual(options.operations);
    }
  });

  it('takes the own lanes of its tenants and no others, beside the lanes of all', () => {
    const options = { group: 'g', operations: ['image.>'], ackWaitMs: 30_000, maxAckPending: 7 };
    const consumers = groupConsumers({ ...options, ownLanes: ['acme', 'demo'] });
    expect(consumers).toHaveLength(ROUTES.length + 2 * OWN_ROUTES.length);
    for (const route of OWN_ROUTES) {
      const takersOf = (tenant: string) =>
        consumers.filter(({ definition }) =>
          subjectMatches(definition.filter_subject ?? '', jobSubject({ ...address, tenant }, route)),
        );
      expect(takersOf('globex')).toEqual([]);
      expect(takersOf('acme')).toMatchObject([
        { route, definition: { durable_name: `g-${route.priority}-own-acme`, max_ack_pending: 7 } },
      ]);
    }
  });

  it('has one message under way in an ordered lane', () => {
    const options = { group: 'g', operations: ['>'], ackWaitMs: 30_000, maxAckPending: 7 };
    for (const { route, definition } of groupConsumers(options)) {
      const waiting = isLimitedLane(route.lane) ? -1 : 7;
      expect(definition.max_ack_pending).toBe(isOrderedLane(route.lane) ? 1 : waiting);
    }
  });
});

describe('the consumer of callbacks', () => {
  it('does not hold up callbacks while others wait for their next delivery', () => {
    expect(callbackConsumerDefinition(30_000)).toMatchObject({
      durable_name: 'callbacks',
      filter_subject: 'callbacks.>',
      max_deliver: -1,
      max_ack_pending: -1,
    });
  });
});
