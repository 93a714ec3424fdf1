/** Events: one of each kind, and the events of whole jobs with the sequences that they expect. */
import type { JobEvent } from '../../shared/job/event.ts';
import { nextRedrive } from '../../shared/job/redrive.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import { eventMessageId, writeEventHeaders, writeJobEvent } from '../../shared/wire/event-message.ts';
import { HEADER } from '../../shared/wire/headers.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import { ADDRESS, CARRIER, EVENT, type MessageVector, message, text } from './facts.ts';

const BUSY = { code: 'operation-failed', message: 'busy' };
const REDRIVE = nextRedrive(undefined, EVENT.traceId);
const FINGERPRINT = 'ab'.repeat(32);
const REPEATED = {
  fingerprint: FINGERPRINT,
  priority: 'high' as const,
  orderingKey: 'customer 7',
  tags: ['night'],
};

/** An event as a worker writes it. @param after the sequence of the job's last event; 0: none */
export function eventVector(what: string, event: JobEvent, after: number): MessageVector {
  const subject = eventSubject(ADDRESS.tenant, event.jobId);
  const ids = { messageId: eventMessageId(event), source: '/throughline/worker/host-1' };
  const spanOfEvent =
    event.kind === 'started' || event.kind === 'progress' ? event.spanId : '5555666677778888';
  const carrier: Carrier = { ...CARRIER, traceparent: `00-${event.traceId}-${spanOfEvent}-01` };
  const input = { event, lastSequence: after };
  return message({ what, input, subject, payload: text(writeJobEvent(event)) }, (set) => {
    writeEventHeaders(event, ids, carrier, set);
    set(HEADER.expectedLast, String(after));
  });
}

/** One event of each kind. */
export function events(): MessageVector[] {
  const started = 41;
  return [
    eventVector('the first attempt of a job starts; it has no event yet', EVENT, 0),
    eventVector(
      'the operation reports how far it is',
      { ...EVENT, kind: 'progress', progress: { fraction: 0.5, message: 'half' } },
      started,
    ),
    eventVector(
      'an attempt failed, and another one follows',
      { ...EVENT, kind: 'retrying', error: BUSY, retryInMs: 1_500 },
      started,
    ),
    eventVector(
      'a worker that stops hands the job back, and the attempt is not spent',
      { ...EVENT, kind: 'released', attempt: 0, released: 1 },
      started,
    ),
    eventVector('the job has a result', { ...EVENT, kind: 'succeeded', result: { bytes: 1_024 } }, started),
    eventVector(
      'the job failed for good',
      { ...EVENT, kind: 'failed', error: { code: 'operation-rejected', message: 'no such image' } },
      started,
    ),
    eventVector(
      'the job was cancelled while it ran',
      { ...EVENT, kind: 'cancelled', error: { code: 'job-cancelled', message: 'cancelled by its caller' } },
      started,
    ),
    eventVector('an event repeats what its job was asked to be', { ...EVENT, ...REPEATED }, 0),
  ];
}

/** The events of whole jobs, in their order: what each expects is the sequence of the one before. */
export function chains() {
  const ended = { ...EVENT, attempt: 1, kind: 'failed', error: BUSY } as const;
  const again = {
    ...EVENT,
    ...REDRIVE,
    traceId: 'a3ce929d0e0e47364bf92f3577b34da6',
    spanId: '9999aaaabbbbcccc',
  };
  const second = { attempt: 2, startedAt: '2026-01-02T03:04:09.000Z', spanId: '9999aaaabbbbcccc' };
  return [
    chain(
      'a job that fails once, and then succeeds: the number of an attempt is that of the last event plus 1',
      [
        EVENT,
        { ...EVENT, kind: 'retrying', error: BUSY, retryInMs: 1_500 },
        { ...EVENT, ...second },
        { ...EVENT, ...second, kind: 'succeeded', result: null },
      ],
    ),
    chain('a job whose worker dies: the attempt is spent, and the next one follows its event', [
      EVENT,
      { ...EVENT, ...second, worker: 'host-2' },
      { ...EVENT, ...second, worker: 'host-2', kind: 'succeeded', result: null },
    ]),
    chain('a job that a stopping worker hands back: the attempt is not spent, and `released` stays', [
      EVENT,
      { ...EVENT, kind: 'released', attempt: 0, released: 1 },
      { ...EVENT, released: 1, worker: 'host-2', startedAt: second.startedAt, spanId: second.spanId },
    ]),
    chain('a job that is redriven: attempts and `released` start again, and the trace is a new one', [
      EVENT,
      ended,
      { ...again, kind: 'redriven', attempt: 0, worker: '', startedAt: undefined },
      { ...again, startedAt: second.startedAt },
      { ...again, startedAt: second.startedAt, kind: 'succeeded', result: null },
    ]),
    chain('a job that is redriven, without the event `redriven`: the first `started` follows the end', [
      EVENT,
      ended,
      { ...again, startedAt: second.startedAt },
    ]),
  ];
}

const FIRST_SEQUENCE = 41;

function chain(what: string, all: readonly JobEvent[]) {
  return {
    what,
    events: all.map((event, place) => {
      const sequence = FIRST_SEQUENCE + place;
      const stored = eventVector(
        `${event.kind} ${event.attempt}`,
        JSON.parse(JSON.stringify(event)),
        place === 0 ? 0 : sequence - 1,
      );
      const isStart = event.kind === 'started';
      return { sequence, ...(isStart ? { fence: sequence } : {}), ...stored };
    }),
  };
}
