import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Slot } from '../../../../worker-node/broker/consume/slot.ts';
import type { JobPipeline } from '../../../../worker-node/jobs/pipeline.ts';
import { delivery } from '../support.ts';
import { broker, cancels, conclusions, pipelineOf, setUpPipeline, stop, waited } from './pipeline-support.ts';

/** The doors behind which jobs run, by id. */
let doors: Map<string, () => void>;
let stopping: AbortController;

beforeEach(() => {
  setUpPipeline();
  doors = new Map();
  stopping = new AbortController();
});
afterEach(() => {
  for (const open of doors.values()) open();
});

const one = (): JobPipeline =>
  pipelineOf(({ job }) => new Promise<void>((resolve) => doors.set(job.id, () => resolve())), {
    concurrency: { key: 'tenant', limit: 1 },
  });

/** A delivery of a job, and what it does with its slot. */
function deliver(pipeline: JobPipeline, jobId: string, more: Parameters<typeof delivery>[0] = {}) {
  const sequence = Number(jobId.slice('job-'.length));
  const message = delivery({ subject: `jobs.normal.l0.acme.${jobId}.echo`, sequence, ...more });
  const moves: string[] = [];
  const slot: Slot = {
    stopping: stopping.signal,
    ending: () => undefined,
    leave: () => void moves.push('leave'),
    enter: async () => void moves.push('enter'),
  };
  return { message, moves, done: pipeline.process(message, stop.signal, slot) };
}

const running = (jobId: string): Promise<void> =>
  vi.waitFor(() => expect(doors.has(jobId)).toBe(true), 60_000);
const eventsOf = (jobId: string) => broker.events.filter((event) => event.jobId === jobId);

describe('a job that has to wait for a limit by key', () => {
  it('holds no slot, and starts as soon as the job before it has ended', async () => {
    const pipeline = one();
    const first = deliver(pipeline, 'job-1');
    await running('job-1');
    const second = deliver(pipeline, 'job-2');
    await vi.waitFor(() => expect(second.moves).toEqual(['leave']), 60_000);
    expect(eventsOf('job-2')).toEqual([]);
    doors.get('job-1')?.();
    await first.done;
    await running('job-2');
    expect(second.moves).toEqual(['leave', 'enter']);
    doors.get('job-2')?.();
    await second.done;
    expect(eventsOf('job-2').map(({ kind, attempt }) => `${kind} ${attempt}`)).toEqual([
      'started 1',
      'succeeded 1',
    ]);
    expect(waited).toEqual(['concurrency']);
  });

  it('goes back to the queue if this host has no room for it: its event says that no host has it, and no attempt is spent', async () => {
    const pipeline = one();
    const first = deliver(pipeline, 'job-1');
    await running('job-1');
    const parked = ['job-2', 'job-3'].map((id) => deliver(pipeline, id));
    for (const { moves } of parked) await vi.waitFor(() => expect(moves).toEqual(['leave']), 60_000);
    const fourth = deliver(pipeline, 'job-4');
    await fourth.done;
    expect(fourth.message.acks).toMatchObject([{ kind: 'nak', delayMs: expect.any(Number) }]);
    expect(eventsOf('job-4')).toMatchObject([{ kind: 'released', attempt: 0, released: 1 }]);
    expect(eventsOf('job-4')[0]).not.toHaveProperty('startedAt');
    // When it comes too early, it is handed back at once, without another event.
    const again = deliver(pipeline, 'job-4', { isFirst: false, deliveryCount: 2 });
    await again.done;
    expect(again.message.acks).toMatchObject([{ kind: 'nak' }]);
    expect(eventsOf('job-4')).toHaveLength(1);
    for (const id of ['job-1', 'job-2', 'job-3']) {
      await running(id);
      doors.get(id)?.();
    }
    await Promise.all([first.done, ...parked.map(({ done }) => done)]);
    const last = deliver(pipeline, 'job-4', { isFirst: false, deliveryCount: 3 });
    await running('job-4');
    doors.get('job-4')?.();
    await last.done;
    expect(eventsOf('job-4').at(-1)).toMatchObject({ kind: 'succeeded', attempt: 1 });
    expect(conclusions.filter((conclusion) => conclusion === 'waiting')).toHaveLength(2);
  });

  it('starts after its period, also if the machine slept meanwhile: its monotonic clock stood still', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const pipeline = pipelineOf(() => undefined, { rateLimit: { key: 'tenant', limit: 1, period: '1h' } });
    await deliver(pipeline, 'job-1').done;
    await deliver(pipeline, 'job-2').done;
    const early = deliver(pipeline, 'job-2', { isFirst: false, deliveryCount: 2 });
    await early.done;
    expect(early.message.acks).toMatchObject([{ kind: 'nak' }]);
    vi.setSystemTime(Date.now() + 3_600_000);
    const late = deliver(pipeline, 'job-2', { isFirst: false, deliveryCount: 3 });
    await late.done;
    expect(late.message.acks).toMatchObject([{ kind: 'ack' }]);
    expect(eventsOf('job-2').at(-1)).toMatchObject({ kind: 'succeeded', attempt: 1 });
  });

  it('stays on its host, after the others, when the clock is set back', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const pipeline = pipelineOf(() => undefined, { rateLimit: { key: 'tenant', limit: 1, period: '20s' } });
    await deliver(pipeline, 'job-1').done;
    const second = deliver(pipeline, 'job-2');
    await vi.waitFor(() => expect(second.moves).toEqual(['leave']), 60_000);
    vi.setSystemTime(Date.now() - 3_600_000);
    const third = deliver(pipeline, 'job-3');
    await Promise.race([third.done, vi.waitFor(() => expect(third.moves).toEqual(['leave']), 60_000)]);
    expect(third.message.acks).toEqual([]);
    stopping.abort();
    await Promise.all([second.done, third.done]);
  });

  it('stays away no longer than its period after the clock was set back', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const pipeline = pipelineOf(() => undefined, { rateLimit: { key: 'tenant', limit: 1, period: '40s' } });
    await deliver(pipeline, 'job-1').done;
    await deliver(pipeline, 'job-2').done;
    vi.setSystemTime(Date.now() - 3_600_000);
    const { message, done } = deliver(pipeline, 'job-2', { isFirst: false, deliveryCount: 2 });
    await done;
    const [ack] = message.acks;
    expect(ack).toMatchObject({ kind: 'nak', delayMs: expect.any(Number) });
    expect(ack?.kind === 'nak' && ack.delayMs).toBeLessThanOrEqual(80_000);
  });

  it('ends at once when it is cancelled', async () => {
    const pipeline = one();
    const first = deliver(pipeline, 'job-1');
    await running('job-1');
    const second = deliver(pipeline, 'job-2');
    await vi.waitFor(() => expect(second.moves).toEqual(['leave']), 60_000);
    cancels.hear({ tenant: 'acme', jobId: 'job-2', sequence: 2, sentBy: undefined });
    await second.done;
    expect(eventsOf('job-2').map(({ kind }) => kind)).toEqual(['cancelled']);
    doors.get('job-1')?.();
    await first.done;
  });

  it('goes back at once when its host stops', async () => {
    const pipeline = one();
    const first = deliver(pipeline, 'job-1');
    await running('job-1');
    const second = deliver(pipeline, 'job-2');
    await vi.waitFor(() => expect(second.moves).toEqual(['leave']), 60_000);
    stopping.abort();
    await second.done;
    expect(second.message.acks).toEqual([{ kind: 'nak', delayMs: 0 }]);
    expect(eventsOf('job-2')).toMatchObject([{ kind: 'released', attempt: 0 }]);
    doors.get('job-1')?.();
    await first.done;
  });
});
