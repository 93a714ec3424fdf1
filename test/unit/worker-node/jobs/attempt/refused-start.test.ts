import { beforeEach, expect, it, vi } from 'vitest';
import type { JobEvent } from '../../../../../shared/job/event.ts';
import { delivery, IDLE } from '../../support.ts';
import { broker, byOther, conclusions, kinds, pipelineOf, setUpPipeline } from '../pipeline-support.ts';

beforeEach(setUpPipeline);

/** Stores an event right after the record of the job was read for the first time: the `started` that follows is refused. */
function storeAfterRecall(event: JobEvent): void {
  const { streams } = broker.manager;
  const { getMessage } = streams;
  streams.getMessage = async (stream, query) => {
    const read = await getMessage(stream, query);
    if (stream === 'EVENTS') {
      streams.getMessage = getMessage;
      broker.storeEvent(event);
    }
    return read;
  };
}

const LATER = { deliveryCount: 2, isFirst: false };
const SECOND = { attempt: 2, startedAt: '2026-01-01T00:00:02.000Z' };

it.each([
  ['another attempt has started', byOther('started', SECOND), 'superseded', 'none'],
  ['another attempt was handed back', byOther('released', { ...SECOND, released: 1 }), 'superseded', 'none'],
  ['another attempt has failed', byOther('retrying', SECOND), 'superseded', 'none'],
  ['the job was cancelled', byOther('cancelled', { attempt: 1, worker: '' }), 'duplicate', 'ack'],
  ['the job has ended well', byOther('succeeded'), 'duplicate', 'ack'],
])('a later attempt whose start is refused does not run: %s', async (_why, event, conclusion, answer) => {
  broker.storeEvent(byOther('retrying'));
  storeAfterRecall(event);
  const handler = vi.fn();
  const job = delivery(LATER);
  await pipelineOf(handler).process(job, IDLE);
  expect(handler).not.toHaveBeenCalled();
  expect(broker.events.map(({ kind }) => kind)).toEqual(['retrying', event.kind]);
  expect(conclusions).toEqual([conclusion]);
  expect(job.acks).toEqual([{ kind: answer }]);
});

const FAILED = { code: 'operation-failed', message: 'the shop is closed' };

it.each<[string, JobEvent, string]>([
  [
    'why that one failed',
    byOther('retrying', { attempt: 3, maxAttempts: 5, error: FAILED, retryInMs: 10 }),
    'attempt 3 failed, and the operation allows no more than 2 now: the shop is closed',
  ],
  [
    'that it did not end',
    byOther('started', { attempt: 3, maxAttempts: 5 }),
    'attempt 3 did not end, and the operation allows no more than 2',
  ],
  [
    'that it was spent, if one more was handed back',
    byOther('released', { attempt: 3, maxAttempts: 5, released: 1 }),
    'attempt 3 was spent, and the operation allows no more than 2',
  ],
])(
  'a job whose operation allows fewer attempts since its last one says %s',
  async (_what, event, message) => {
    broker.storeEvent(event);
    const handler = vi.fn();
    await pipelineOf(handler, { maxAttempts: 2 }).process(delivery(LATER), IDLE);
    expect(handler).not.toHaveBeenCalled();
    expect(broker.events.at(-1)).toMatchObject({
      kind: 'failed',
      attempt: 3,
      error: { code: 'attempts-spent', message },
    });
  },
);

it('a later attempt whose start was stored, and whose acknowledgement was lost, runs', async () => {
  broker.storeEvent(byOther('retrying'));
  const { publish } = broker.jetStream;
  const lost = vi.fn(publish).mockImplementationOnce(async (...message) => {
    await publish(...message);
    return await publish(...message);
  });
  broker.jetStream.publish = lost;
  const handler = vi.fn();
  await pipelineOf(handler).process(delivery(LATER), IDLE);
  expect(handler).toHaveBeenCalledOnce();
  expect(kinds()).toEqual(['retrying by worker-2', 'started by worker-1', 'succeeded by worker-1']);
});
