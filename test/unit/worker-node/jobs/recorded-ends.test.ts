import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import type { OperationDefinition } from '../../../../worker-node/operations/operation.ts';
import { retry } from '../../../../worker-node/operations/outcome.ts';
import { delivery, IDLE } from '../support.ts';
import {
  broker,
  byOther,
  cancel,
  cancelled,
  conclusions,
  type Handler,
  kinds,
  pipelineOf,
  setUpPipeline,
  stop,
  stopped,
} from './pipeline-support.ts';

beforeEach(setUpPipeline);
afterEach(() => void vi.useRealTimers());

const pipelineOfEnds = (handler: Handler, more: Partial<OperationDefinition> = {}) =>
  pipelineOf(handler, { record: 'end', ...more });

describe('an operation of which only the end is stored', () => {
  it('stores one event for a first attempt, which has no fence', async () => {
    const job = delivery();
    await pipelineOfEnds(({ job: { fence } }) => fence).process(job, IDLE);
    expect(broker.events).toMatchObject([
      { kind: 'succeeded', attempt: 1, result: 0, startedAt: expect.any(String) },
    ]);
    expect(job.acks).toEqual([{ kind: 'ack' }]);
  });

  it.each<[string, Handler, string]>([
    ['a failure', () => retry('busy'), 'retrying by worker-1'],
    ['a cancel', cancelled, 'cancelled by worker-1'],
    ['a stop', stopped, 'released by worker-1'],
  ])('stores %s of it', async (_what, handler, stored) => {
    await pipelineOfEnds(handler).process(delivery(), stop.signal);
    expect(kinds()).toEqual([stored]);
  });

  it('stores the start of each later attempt, and counts them', async () => {
    const handler: Handler = ({ job: { attempt, fence } }) => (attempt === 1 ? retry('busy') : fence > 0);
    const pipeline = pipelineOfEnds(handler);
    await pipeline.process(delivery(), IDLE);
    await pipeline.process(delivery({ deliveryCount: 2, isFirst: false }), IDLE);
    expect(broker.events.map(({ kind, attempt }) => `${kind} ${attempt}`)).toEqual([
      'retrying 1',
      'started 2',
      'succeeded 2',
    ]);
    expect(broker.events.at(-1)?.result).toBe(true);
  });

  it('does not begin if the job was cancelled', async () => {
    const handler = vi.fn();
    cancel();
    await pipelineOfEnds(handler).process(delivery(), IDLE);
    expect(handler).not.toHaveBeenCalled();
    expect(kinds()).toEqual(['cancelled by worker-1']);
  });

  it('leaves a job alone that another delivery has ended meanwhile', async () => {
    const job = delivery();
    await pipelineOfEnds(() => broker.storeEvent(byOther('succeeded'))).process(job, IDLE);
    expect(kinds()).toEqual(['succeeded by worker-2']);
    expect(conclusions).toEqual(['duplicate']);
  });
});

describe('an operation of which only the end is stored, when the broker may have given the job away', () => {
  it.each([
    ['is delivered again', { deliveryCount: 2, isFirst: false }],
    ['may have been delivered before', { isFirst: false }],
  ])('stores the start of a job that %s', async (_what, more) => {
    await pipelineOfEnds(() => 1).process(delivery(more), IDLE);
    expect(kinds()).toEqual(['started by worker-1', 'succeeded by worker-1']);
  });

  it('stores the start if almost an ack wait has passed since the worker asked for the job', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const handler: Handler = ({ job: { id } }) => {
      if (id === 'job-1') vi.setSystemTime(Date.now() + 24_001);
    };
    const pipeline = pipelineOfEnds(handler, { concurrency: 1 });
    const next = delivery({ subject: 'jobs.normal.p3.acme.job-2.echo', sequence: 2 });
    await Promise.all([pipeline.process(delivery(), IDLE), pipeline.process(next, IDLE)]);
    const stored = broker.events.map(({ jobId, kind }) => `${jobId} ${kind}`);
    expect(stored.sort()).toEqual(['job-1 succeeded', 'job-2 started', 'job-2 succeeded']);
  });

  it('does not begin a job that ended while the worker was paused before the first line', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const handler = vi.fn();
    const slow = z.unknown().refine(async () => {
      broker.storeEvent(byOther('succeeded'));
      vi.setSystemTime(Date.now() + 30_001);
      return true;
    });
    await pipelineOfEnds(handler, { input: slow }).process(delivery(), IDLE);
    expect(handler).not.toHaveBeenCalled();
    expect(conclusions).toEqual(['duplicate']);
  });
});
