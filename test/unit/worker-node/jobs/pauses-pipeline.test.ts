import { beforeEach, describe, expect, it, vi } from 'vitest';
import { delivery, IDLE } from '../support.ts';
import {
  broker,
  cancel,
  conclusions,
  host,
  pausesOf,
  pipelineOf,
  setUpPipeline,
  stop,
} from './pipeline-support.ts';

beforeEach(setUpPipeline);

const eventsOf = () => broker.events.map(({ kind, attempt, released }) => ({ kind, attempt, released }));

describe('a job whose operation is paused', () => {
  it('is handed back, spends no attempt, and runs as its first attempt after the resume', async () => {
    const handler = vi.fn(() => 'done');
    const pipeline = pipelineOf(handler);
    host.paused.add('echo');
    const job = delivery();
    await pipeline.process(job, IDLE);
    expect(handler).not.toHaveBeenCalled();
    expect(job.acks).toEqual([{ kind: 'nak', delayMs: 1_000 }]);
    host.paused.delete('echo');
    await pipeline.process(delivery({ deliveryCount: 2, isFirst: false }), IDLE);
    expect(eventsOf()).toEqual([
      { kind: 'released', attempt: 0, released: 1 },
      { kind: 'started', attempt: 1, released: 1 },
      { kind: 'succeeded', attempt: 1, released: 1 },
    ]);
    expect(conclusions).toEqual(['waiting', 'succeeded']);
  });

  it('costs no request to the broker when it comes again while the pause lasts', async () => {
    const pipeline = pipelineOf(() => 'done');
    host.paused.add('echo');
    await pipeline.process(delivery(), IDLE);
    const requests = broker.reads;
    const again = delivery({ deliveryCount: 2, isFirst: false });
    await pipeline.process(again, IDLE);
    expect(again.acks).toEqual([{ kind: 'nak', delayMs: expect.any(Number) }]);
    expect(broker.events).toHaveLength(1);
    expect(broker.reads).toBe(requests);
  });

  it('ends when it is cancelled, although the pause lasts', async () => {
    const pipeline = pipelineOf(() => 'done');
    host.paused.add('echo');
    await pipeline.process(delivery(), IDLE);
    cancel();
    const again = delivery({ deliveryCount: 2, isFirst: false });
    await pipeline.process(again, IDLE);
    expect(again.acks).toEqual([{ kind: 'ack' }]);
    expect(broker.events.at(-1)?.kind).toBe('cancelled');
  });

  it('does not start although it waited on this host for another job of the operation', async () => {
    const ran: string[] = [];
    let end = (): void => undefined;
    const pipeline = pipelineOf(
      ({ job }) => {
        ran.push(job.id);
        return new Promise<void>((resolve) => {
          end = resolve;
        });
      },
      { concurrency: 1 },
    );
    const running = pipeline.process(delivery(), stop.signal);
    await vi.waitFor(() => expect(ran).toHaveLength(1), 60_000);
    const second = delivery({ subject: 'jobs.normal.p0.acme.job-2.echo', sequence: 2 });
    const waits = pipeline.process(second, stop.signal);
    host.paused.add('echo');
    end();
    await Promise.all([running, waits]);
    expect(ran).toHaveLength(1);
    expect(second.acks).toEqual([{ kind: 'nak', delayMs: expect.any(Number) }]);
  });
});

it('the more jobs a host hands back, the longer each stays away: 200 come again in a second', () => {
  const pauses = pausesOf(new Set(['echo']));
  const delays = Array.from({ length: 1_001 }, () => pauses.awayMs('echo') ?? 0);
  expect(delays[0]).toBeLessThanOrEqual(1_000);
  expect((delays[1_000] ?? 0) - (delays[0] ?? 0)).toBeGreaterThan(4_900);
  expect(pauses.awayMs('other')).toBeUndefined();
});
