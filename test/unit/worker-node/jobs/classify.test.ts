import { trace } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { readJobEvent } from '../../../../shared/wire/event-message.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import { OWN_SLOT } from '../../../../worker-node/broker/consume/slot.ts';
import { EMPTY_RECORD } from '../../../../worker-node/broker/job-record.ts';
import type { Attempt } from '../../../../worker-node/jobs/attempt/attempt.ts';
import { EventChain } from '../../../../worker-node/jobs/attempt/event-chain.ts';
import { runOperation } from '../../../../worker-node/jobs/attempt/run-operation.ts';
import { HeldJob } from '../../../../worker-node/jobs/cancel-memory.ts';
import { classify, endingOfOther } from '../../../../worker-node/jobs/classify.ts';
import type { JobOutcome } from '../../../../worker-node/jobs/pipeline-steps.ts';
import { defineOperation } from '../../../../worker-node/operations/operation.ts';
import { reject, retry, retryAfter } from '../../../../worker-node/operations/outcome.ts';
import { attempt, delivery, runOptions, SUCCEEDED, SURE } from '../support.ts';

/** JetStream's default `max_payload`, less room for headers. */
const MAX_EVENT_BYTES = 1_000_000;

/** The ending of an attempt with this outcome. */
function endingOf(
  outcome: JobOutcome,
  of: Attempt = attempt(),
  { cancelled = false, deliveryCount = 1 } = {},
) {
  const held = new HeldJob(of.job.address, 1);
  if (cancelled) held.take({ ...of.job.address, sequence: 1, sentBy: undefined });
  const decided = {
    delivery: delivery({ deliveryCount }),
    slot: OWN_SLOT,
    span: trace.getTracer('test').startSpan('test'),
    lease: SURE,
    job: of.job,
    held,
    fault: undefined,
    record: EMPTY_RECORD,
    attempt: of,
    chain: new EventChain({} as never, of, 0, held.abort),
    outcome,
  };
  const missing = { pauseMs: (_operation: string, count: number) => 100 * count };
  return classify({ worker: 'worker-1', random: () => 0.5, missing }, decided).ending;
}

const retrying = (minDelayMs: number) =>
  defineOperation({ name: 'echo', input: z.unknown(), retry: { minDelayMs }, run: () => null });

describe('an attempt that ended with', () => {
  it('a result is recorded with it and acknowledged', () => {
    const ending = endingOf({ kind: 'done', result: { sum: 3 } });
    expect(ending).toMatchObject({ conclusion: 'succeeded', ack: { kind: 'ack' } });
    expect(ending.event).toMatchObject({
      kind: 'succeeded',
      attempt: 1,
      result: { sum: 3 },
      worker: 'worker-1',
    });
  });

  it('nothing has the result null', () => {
    expect(endingOf({ kind: 'done', result: undefined }).event).toHaveProperty('result', null);
  });

  it('a cancel is acknowledged, without a dead letter or another attempt', () => {
    const ending = endingOf({ kind: 'cancelled' });
    expect(ending).toMatchObject({ conclusion: 'cancelled', ack: { kind: 'ack' } });
    expect(ending.deadLetter).toBeUndefined();
    expect(ending.event).toMatchObject({ kind: 'cancelled', attempt: 1, error: { code: 'job-cancelled' } });
  });

  it('a failure comes back after a pause that its event names', () => {
    const ending = endingOf(retry('busy'), attempt({ operation: retrying(1_000) }));
    expect(ending).toMatchObject({ conclusion: 'retrying', ack: { kind: 'nak', delayMs: 500 } });
    expect(ending.event).toMatchObject({
      kind: 'retrying',
      retryInMs: 500,
      error: { code: 'operation-failed', message: 'busy' },
    });
  });

  it('a failure backs off further with each attempt', () => {
    const operation = retrying(1_000);
    const pauses = [1, 2, 3].map((number) => {
      const { ack } = endingOf(retry('busy'), attempt({ operation, number, maxAttempts: 9 }));
      return ack.kind === 'nak' ? ack.delayMs : undefined;
    });
    expect(pauses).toEqual([500, 1_000, 2_000]);
  });

  it('no operation on this host goes back after the pause of its deliveries, without an event', () => {
    const { ack, event } = endingOf({ kind: 'missing' }, attempt(), { deliveryCount: 7 });
    expect([ack, event]).toEqual([{ kind: 'nak', delayMs: 700 }, undefined]);
  });

  it('a time comes back then, without jitter', () => {
    expect(endingOf(retryAfter(1_234, 'busy')).ack).toEqual({ kind: 'nak', delayMs: 1_234 });
  });

  it('a rejection goes to the dead letters with its code, and never comes back', () => {
    const ending = endingOf(reject('no'));
    expect(ending).toMatchObject({
      conclusion: 'failed',
      deadLetter: { code: 'operation-rejected', attempts: 1 },
      ack: { kind: 'term', reason: 'operation-rejected' },
      event: { kind: 'failed', error: { code: 'operation-rejected', message: 'no' } },
    });
  });

  it.each([
    ['retry', retry('busy')],
    ['retryAfter', retryAfter(5, 'busy')],
  ] as const)('%s after the last attempt is a failure', (_what, outcome) => {
    const ending = endingOf(outcome, attempt({ number: 3 }));
    expect(ending).toMatchObject({
      conclusion: 'failed',
      ack: { kind: 'term' },
      deadLetter: { attempts: 3 },
    });
  });

  it('a stop of the worker goes back immediately, and costs no attempt', () => {
    const ending = endingOf({ kind: 'released' }, attempt({ number: 3, released: 1 }));
    expect(ending).toMatchObject({ conclusion: 'released', ack: { kind: 'nak', delayMs: 0 } });
    expect(ending.event).toMatchObject({ kind: 'released', attempt: 2, released: 2 });
  });

  it('an input for another version goes back soon at first, then rarely, and costs no attempt', () => {
    const endings = [1, 5, 10, 20, 40].map((deliveryCount) =>
      endingOf({ kind: 'released', isForOther: true }, attempt({ number: 3 }), { deliveryCount }),
    );
    // The pause of a missing operation is 100 ms for each delivery here.
    expect(endings.map(({ ack }) => 'delayMs' in ack && ack.delayMs)).toEqual([
      100, 500, 3_840, 22_500, 22_500,
    ]);
    expect(endings[0]?.event).toMatchObject({ kind: 'released', attempt: 2, released: 1 });
  });

  it('a message that is not a job goes to the dead letters, with its deliveries for attempts', () => {
    const outcome = { kind: 'unreadable', code: 'message-invalid', message: 'no' } as const;
    expect(endingOf(outcome, attempt(), { deliveryCount: 2 })).toMatchObject({
      conclusion: 'unreadable',
      deadLetter: { code: 'message-invalid', attempts: 2 },
      ack: { kind: 'term', reason: 'message-invalid' },
      event: { kind: 'failed', error: { code: 'message-invalid', message: 'no' } },
    });
  });

  it('a job that must not begin fails, and keeps the number of attempts that it had', () => {
    const outcome = { kind: 'refused', code: 'attempts-spent', message: 'no' } as const;
    expect(endingOf(outcome, attempt({ number: 4 }))).toMatchObject({
      conclusion: 'failed',
      deadLetter: { code: 'attempts-spent', attempts: 3 },
      ack: { kind: 'term', reason: 'attempts-spent' },
      event: { kind: 'failed', attempt: 3, maxAttempts: 3 },
    });
  });

  it('a throw tells the caller one thing and the operator another', () => {
    const report = { type: 'Error', summary: 'the whole truth', text: 'Error: the whole truth\n    at here' };
    const outcome = {
      kind: 'retry',
      code: 'operation-failed',
      message: 'the operation failed',
      report,
    } as const;
    expect(endingOf(outcome, attempt({ number: 3 }))).toMatchObject({
      event: { error: { code: 'operation-failed', message: 'the operation failed' } },
      deadLetter: { message: 'the whole truth', detail: 'Error: the whole truth\n    at here' },
    });
  });

  it('the job of another delivery records nothing and answers nothing', () => {
    expect(endingOf({ kind: 'superseded' })).toEqual({ conclusion: 'superseded', ack: { kind: 'none' } });
  });

  it('a job that had ended before records nothing, and takes the message off the queue', () => {
    const ending = endingOf({ kind: 'ended', event: SUCCEEDED });
    expect(ending).toEqual({ conclusion: 'duplicate', ack: { kind: 'ack' } });
  });
});

describe('a job that is cancelled when its attempt', () => {
  it.each<[string, JobOutcome]>([
    ['failed', retry('busy')],
    ['asks to come back later', retryAfter(5, 'busy')],
    ['was released', { kind: 'released' }],
  ])('%s ends as cancelled', (_what, outcome) => {
    expect(endingOf(outcome, attempt(), { cancelled: true }).conclusion).toBe('cancelled');
  });

  it.each<[string, JobOutcome, string]>([
    ['succeeded', { kind: 'done', result: 1 }, 'succeeded'],
    ['was rejected', reject('no'), 'failed'],
    ['was superseded', { kind: 'superseded' }, 'superseded'],
    ['found that it had ended', { kind: 'ended', event: SUCCEEDED }, 'duplicate'],
  ])('%s ends as it did', (_what, outcome, conclusion) => {
    expect(endingOf(outcome, attempt(), { cancelled: true }).conclusion).toBe(conclusion);
  });
});

describe('the event of an attempt', () => {
  const run = async (handler: () => unknown) => {
    const operation = defineOperation({ name: 'echo', input: z.unknown(), run: handler });
    return endingOf(await runOperation(operation, attempt(), runOptions())).event;
  };

  it.each<[string, () => unknown]>([
    [
      'that throws an error with a page of text',
      () => {
        throw new Error('x'.repeat(2_000_000));
      },
    ],
    ['that is rejected with a page of text', () => reject('x'.repeat(2_000_000))],
    ['that is retried with a page of text', () => retry('x'.repeat(2_000_000))],
  ])('%s is one that the broker takes', async (_what, handler) => {
    expect(writeJson(await run(handler)).length).toBeLessThan(MAX_EVENT_BYTES);
  });

  it('whose input has ten thousand faults is one that the broker takes', async () => {
    const operation = defineOperation({ name: 'echo', input: z.array(z.string()), run: () => null });
    const input = Array.from({ length: 60_000 }, (_, index) => index);
    const { event } = endingOf(await runOperation(operation, attempt({ input }), runOptions()));
    expect(writeJson(event).length).toBeLessThan(MAX_EVENT_BYTES);
  });

  it('whose delay is no number can be read', async () => {
    const event = await run(() => retryAfter(Number.NaN, 'busy'));
    expect(readJobEvent(writeJson(event))).toMatchObject({ kind: 'retrying' });
  });
});

describe('a delivery whose event was not recorded', () => {
  const { job } = attempt();
  const withCallback = {
    ...job,
    spec: { callback: { url: 'https://acme.example/', events: ['failed'] as const } },
  };

  it('leaves the queue if the job has ended (W4)', () => {
    expect(endingOfOther(job, 'ended')).toEqual({ conclusion: 'duplicate', ack: { kind: 'ack' } });
  });

  it('comes back if the job has ended and its callback may be missing', () => {
    expect(endingOfOther(withCallback, 'ended').ack).toEqual({ kind: 'nak', delayMs: 1_000 });
  });

  it('answers nothing if another delivery has the job (W4)', () => {
    for (const of of [job, withCallback])
      expect(endingOfOther(of, 'superseded')).toEqual({ conclusion: 'superseded', ack: { kind: 'none' } });
  });
});
