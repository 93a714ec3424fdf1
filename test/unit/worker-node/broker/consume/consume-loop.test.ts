import type { Consumer, ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConsumeLoop } from '../../../../../worker-node/broker/consume/consume-loop.ts';
import type { Slot } from '../../../../../worker-node/broker/consume/slot.ts';
import { quiet, soon } from '../../support.ts';

/** A pull that brings the messages that a test gives it, until it is stopped. */
class Pull {
  readonly count: number;
  /** Milliseconds after which the server ends the pull. */
  readonly expires: number;
  readonly #waiting: JsMsg[] = [];
  #left: number;
  readonly handedBack: number[] = [];
  ended = false;
  #wake: () => void = () => undefined;

  constructor(count: number, expires: number) {
    this.count = count;
    this.expires = expires;
    this.#left = count;
  }

  /** @param pending how many messages wait at the server after it */
  bring(seq: number, pending = 0): void {
    const nak = (): void => void this.handedBack.push(seq);
    const time = new Date();
    this.#waiting.push({ seq, nak, time, info: { deliveryCount: 1, pending } } as unknown as JsMsg);
    this.#wake();
  }

  stop(): void {
    this.ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<JsMsg> {
    while (this.#left > 0) {
      const message = this.#waiting.shift();
      if (message !== undefined) {
        this.#left--;
        yield message;
      } else if (this.ended) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

interface RunningJob {
  readonly seq: number;
  readonly stop: AbortSignal;
  readonly slot: Slot;
  readonly end: () => void;
}

const loops: ConsumeLoop[] = [];
const jobs: RunningJob[] = [];

afterEach(async () => {
  const stopping = loops.splice(0).map((loop) => loop.stop(0));
  for (const job of jobs.splice(0)) job.end();
  await Promise.all(stopping);
});

/** A loop whose pulls and jobs the test controls. @param isClustered whether its server is one of a cluster */
function start(concurrency: number, source?: () => Promise<Consumer>, isClustered = false) {
  const pulls: Pull[] = [];
  const consumer = {
    fetch: async ({ max_messages, expires }: { max_messages: number; expires: number }) => {
      const pull = new Pull(max_messages, expires);
      pulls.push(pull);
      return pull as unknown as ConsumerMessages;
    },
  } as unknown as Consumer;
  const forget = vi.fn();
  const loop = new ConsumeLoop({
    lanes: [
      {
        consumer: {
          get: source ?? (async () => consumer),
          forget,
          createdMs: 0,
          ackWaitMs: 30_000,
          isClustered,
        },
        priority: 'normal',
        isBulk: false,
      },
    ],
    handler: {
      process: ({ sequence: seq }, stop, slot) => new Promise((end) => jobs.push({ seq, stop, slot, end })),
    },
    concurrency,
    log: quiet,
    what: 'jobs',
  });
  loops.push(loop);
  return { loop, pulls, consumer, forget, running: loop.run() };
}

describe('the consume loop', () => {
  it('asks for as many messages as it has free slots, and never handles more', async () => {
    const { pulls } = start(4);
    await soon(() => pulls.length === 1);
    expect(pulls[0]?.count).toBe(4);
    for (let seq = 1; seq <= 4; seq++) pulls[0]?.bring(seq);
    await soon(() => jobs.length === 4);
    expect(pulls).toHaveLength(1);
    for (const job of jobs.slice(0, 3)) job.end();
    await soon(() => pulls.length > 1);
    const asked = pulls.slice(1).reduce((sum, { count }) => sum + count, 0);
    expect(asked).toBeLessThanOrEqual(3);
  });

  it('goes on after a failed pull, and is not healthy until then', async () => {
    let fails = true;
    const { loop, pulls, consumer } = start(1, async () => {
      if (fails) throw new Error('no responders');
      return consumer;
    });
    await soon(() => !loop.healthy);
    fails = false;
    await soon(() => pulls.length === 1);
    pulls[0]?.bring(1);
    await soon(() => loop.healthy && loop.running === 1);
  });

  it('knows soon after a failure that all is well, even if no message comes', async () => {
    let fails = true;
    const { loop, pulls, consumer } = start(1, async () => {
      if (fails) throw new Error('no responders');
      return consumer;
    });
    await soon(() => !loop.healthy);
    fails = false;
    await soon(() => pulls.length === 1);
    pulls[0]?.stop();
    await soon(() => loop.healthy && pulls.length === 2);
    expect(pulls.map(({ expires }) => expires)).toEqual([1_000, 15_000]);
  });

  it('looks the consumer up again after a pull that follows a failure and brings nothing', async () => {
    let fails = true;
    const { pulls, consumer, forget } = start(1, async () => {
      if (fails) throw new Error('consumer deleted');
      return consumer;
    });
    await soon(() => forget.mock.calls.length > 0);
    fails = false;
    await soon(() => pulls.length === 1);
    forget.mockClear();
    // A server that has no such consumer does not answer, and the client ends the pull.
    pulls[0]?.stop();
    await soon(() => pulls.length === 2);
    expect(forget).toHaveBeenCalledOnce();
    pulls[1]?.stop();
    await soon(() => pulls.length === 3);
    expect(forget).toHaveBeenCalledOnce();
  });
});

describe('a delivery that gives its slot back', () => {
  it('lets another message have it, and gets one again when one is free', async () => {
    const { pulls } = start(1);
    await soon(() => pulls.length === 1);
    pulls[0]?.bring(1);
    await soon(() => jobs.length === 1);
    jobs[0]?.slot.leave();
    await soon(() => pulls.length === 2);
    pulls[1]?.bring(2);
    await soon(() => jobs.length === 2);
    const entered = vi.fn();
    const back = jobs[0]?.slot.enter(new AbortController().signal).then(entered);
    await new Promise((resolve) => setImmediate(resolve));
    expect(entered).not.toHaveBeenCalled();
    jobs[1]?.end();
    await back;
    expect(pulls).toHaveLength(2);
  });

  it('gets a slot at once when it has to end, even if none is free', async () => {
    const { pulls, loop } = start(1);
    await soon(() => pulls.length === 1);
    pulls[0]?.bring(1);
    await soon(() => jobs.length === 1);
    jobs[0]?.slot.leave();
    await soon(() => pulls.length === 2);
    pulls[1]?.bring(2);
    await soon(() => jobs.length === 2);
    const cancel = new AbortController();
    const back = jobs[0]?.slot.enter(cancel.signal);
    cancel.abort();
    await back;
    expect(loop.running).toBe(2);
  });

  it('learns that the loop stops, and waits for no slot any more', async () => {
    const { pulls, loop } = start(1);
    await soon(() => pulls.length === 1);
    pulls[0]?.bring(1);
    await soon(() => jobs.length === 1);
    const [job] = jobs;
    job?.slot.leave();
    await soon(() => pulls.length === 2);
    pulls[1]?.bring(2);
    await soon(() => jobs.length === 2);
    const back = job?.slot.enter(new AbortController().signal);
    void loop.stop(60_000);
    await back;
    expect(job?.slot.stopping.aborted).toBe(true);
  });
});

describe('stopping the consume loop', () => {
  it('waits for the running jobs, whose signal does not abort before the time is up', async () => {
    const { loop, pulls, running } = start(1);
    await soon(() => pulls.length === 1);
    pulls[0]?.bring(1);
    await soon(() => jobs.length === 1);
    const stopped = loop.stop(60_000);
    await running;
    expect(jobs[0]?.stop.aborted).toBe(false);
    expect(loop.running).toBe(1);
    jobs[0]?.end();
    await stopped;
    expect(loop.running).toBe(0);
  });

  it('aborts the signal of the jobs that still run when the time is up', async () => {
    const { loop, pulls } = start(1);
    await soon(() => pulls.length === 1);
    pulls[0]?.bring(1);
    await soon(() => jobs.length === 1);
    const stopped = loop.stop(0);
    await soon(() => jobs[0]?.stop.aborted === true);
    jobs[0]?.end();
    await stopped;
  });

  it('hands back unread what still arrives, and ends the pull when no more comes', async () => {
    const { loop, pulls } = start(2);
    await soon(() => pulls.length === 1);
    const stopped = loop.stop(60_000);
    pulls[0]?.bring(1);
    await soon(() => pulls[0]?.handedBack.length === 1);
    expect(pulls[0]?.ended).toBe(false);
    await stopped;
    expect(pulls[0]?.ended).toBe(true);
    expect(jobs).toEqual([]);
  });

  it('may be done twice', async () => {
    const { loop, pulls, running } = start(1);
    await soon(() => pulls.length === 1);
    await Promise.all([loop.stop(0), loop.stop(0), running]);
  });

  it('opens no pull any more, even if one was about to be opened', async () => {
    const found = Promise.withResolvers<Consumer>();
    const { loop, pulls, consumer, running } = start(1, () => found.promise);
    const stopped = loop.stop(0);
    found.resolve(consumer);
    await Promise.all([stopped, running]);
    expect(pulls).toEqual([]);
  });
});

describe('the consume loop ahead of an end', () => {
  it('asks for the next message while a delivery stores its end, and handles it when the slot is free', async () => {
    const { loop, pulls } = start(1);
    await soon(() => pulls.length === 1);
    pulls[0]?.bring(1, 2);
    await soon(() => jobs.length === 1);
    expect(pulls).toHaveLength(1);
    jobs[0]?.slot.ending();
    await soon(() => pulls.length === 2);
    pulls[1]?.bring(2, 1);
    await new Promise(setImmediate);
    expect(loop.running).toBe(1);
    jobs[0]?.end();
    await soon(() => jobs.length === 2);
    expect(loop.running).toBe(1);
    expect(pulls).toHaveLength(2);
    expect(pulls.flatMap(({ handedBack }) => handedBack)).toEqual([]);
  });

  it('hands the next message back when the end takes too long, and asks for no more until a slot is free', async () => {
    const { pulls } = start(1);
    await soon(() => pulls.length === 1);
    pulls[0]?.bring(1, 2);
    await soon(() => jobs.length === 1);
    jobs[0]?.slot.ending();
    await soon(() => pulls.length === 2);
    pulls[1]?.bring(2, 1);
    await soon(() => pulls[1]?.handedBack.length === 1);
    jobs[0]?.slot.ending();
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(pulls).toHaveLength(2);
    jobs[0]?.end();
    await soon(() => pulls.length === 3);
  });

  it('is full as soon as it has handed a message back, and then ends the pulls that wait for messages', async () => {
    const { pulls } = start(2);
    await soon(() => pulls.length === 1);
    for (const seq of [1, 2]) pulls[0]?.bring(seq);
    await soon(() => jobs.length === 2);
    for (const { slot } of jobs) slot.ending();
    await soon(() => pulls.length === 2);
    pulls[1]?.bring(3);
    await soon(() => pulls[1]?.handedBack.length === 1);
    await soon(() => pulls[1]?.ended === true);
    expect(pulls).toHaveLength(2);
  });

  it('hands the next message back when it stops', async () => {
    const { loop, pulls } = start(1);
    await soon(() => pulls.length === 1);
    pulls[0]?.bring(1, 2);
    await soon(() => jobs.length === 1);
    jobs[0]?.slot.ending();
    await soon(() => pulls.length === 2);
    pulls[1]?.bring(2, 1);
    await new Promise(setImmediate);
    const stopped = loop.stop(60_000);
    jobs[0]?.end();
    await stopped;
    expect(pulls[1]?.handedBack).toEqual([2]);
    expect(jobs).toHaveLength(1);
  });
});

describe('the consume loop in a cluster', () => {
  it('asks for its messages again after a reconnect, since the earlier pull may be gone', async () => {
    const { loop, pulls } = start(4, undefined, true);
    await soon(() => pulls.length === 1);
    expect(pulls[0]?.count).toBe(1);
    pulls[0]?.bring(1, 3);
    await soon(() => pulls.length === 2);
    expect(pulls[1]?.count).toBe(3);
    loop.reconnected();
    await soon(() => pulls.length === 3);
    expect(pulls[2]?.count).toBe(3);
    for (const pull of pulls) pull.stop();
  });

  it('ends no pull when it stops: it waits for the end of each, even of one from before a reconnect', async () => {
    const { loop, pulls } = start(1, undefined, true);
    await soon(() => pulls.length === 1);
    loop.reconnected();
    await soon(() => pulls.length === 2);
    const began = Date.now();
    const stopping = loop.stop(60_000);
    await soon(() => Date.now() - began > 1_000);
    expect(pulls.map(({ ended }) => ended)).toEqual([false, false]);
    pulls[0]?.bring(7);
    await soon(() => pulls[0]?.handedBack.length === 1);
    for (const pull of pulls) pull.stop();
    await stopping;
  });
});
