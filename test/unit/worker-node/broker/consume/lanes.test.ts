import type { Consumer, ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { afterEach, describe, expect, it } from 'vitest';
import type { Priority } from '../../../../../shared/job/priority.ts';
import { ConsumeLoop } from '../../../../../worker-node/broker/consume/consume-loop.ts';
import { quiet, soon } from '../../support.ts';

/** A lane of a server: messages that wait, and pulls that wait for messages. */
class ServerLane {
  waiting = 0;
  handedBack = 0;
  readonly name: string;
  #wakes: (() => void)[] = [];
  /** How often the consumer was deleted and created again. */
  #generation = 0;
  #tellsPulls = false;
  #found: number | undefined;
  #sequence = 0;
  looks = 0;
  pulls = 0;

  constructor(name: string) {
    this.name = name;
  }

  put(count: number): void {
    this.waiting += count;
    for (const wake of this.#wakes.splice(0)) wake();
  }

  /** The next messages have sequences from the first one on. */
  rewind(): void {
    this.#sequence = 0;
  }

  /** Deletes the consumer and creates it again. @param tellsPulls whether the pulls that wait learn of it */
  recreate(tellsPulls: boolean): void {
    this.#generation++;
    this.#tellsPulls = tellsPulls;
    this.put(0);
  }

  /** What the host keeps of the consumer until it looks it up again. */
  readonly durable = {
    get: async (): Promise<Consumer> => {
      if (this.#found === undefined) this.looks++;
      this.#found ??= this.#generation;
      const generation = this.#found;
      const fetch = async ({ max_messages }: { max_messages: number }) =>
        this.#pull(max_messages, generation);
      return { fetch } as unknown as Consumer;
    },
    forget: (): void => {
      this.#found = undefined;
    },
    createdMs: 0,
    ackWaitMs: 30_000,
  };

  #pull(count: number, generation: number): ConsumerMessages {
    this.pulls++;
    let stopped = false;
    return {
      stop: () => {
        stopped = true;
        this.put(0);
      },
      [Symbol.asyncIterator]: () => this.#messages(count, generation, () => stopped),
    } as unknown as ConsumerMessages;
  }

  async *#messages(count: number, generation: number, isStopped: () => boolean): AsyncGenerator<JsMsg> {
    const isGone = (): boolean => generation !== this.#generation;
    for (let left = count; left > 0 && !isStopped(); ) {
      if (this.waiting === 0 || isGone()) {
        await new Promise<void>((wake) => this.#wakes.push(wake));
        if (isGone() && this.#tellsPulls && !isStopped()) throw new Error('consumer deleted');
        continue;
      }
      left--;
      this.waiting--;
      yield this.#message();
    }
  }

  #message(): JsMsg {
    const nak = (): void => {
      this.handedBack++;
      this.put(1);
    };
    const info = { deliveryCount: 1, pending: this.waiting };
    return { seq: ++this.#sequence, subject: this.name, nak, time: new Date(), info } as unknown as JsMsg;
  }
}

const loops: ConsumeLoop[] = [];
afterEach(async () => {
  await Promise.all(loops.splice(0).map((loop) => loop.stop(0)));
});

interface LaneOptions {
  readonly priority?: Priority;
  readonly isBulk?: boolean;
}

/** A host with lanes by name. `run` ends a job; by default at once. @param isClustered whether its server is one of a cluster */
function startHost(
  lanes: Readonly<Record<string, LaneOptions>>,
  concurrency: number,
  run: () => Promise<void> = async () => undefined,
  isClustered = false,
) {
  const server = Object.fromEntries(Object.keys(lanes).map((name) => [name, new ServerLane(name)]));
  const started: string[] = [];
  let running = 0;
  let most = 0;
  const loop = new ConsumeLoop({
    lanes: Object.entries(lanes).map(([name, { priority = 'normal', isBulk = false }]) => ({
      consumer: { ...(server[name] as ServerLane).durable, isClustered },
      priority,
      isBulk,
    })),
    handler: {
      process: async ({ subject }) => {
        started.push(subject);
        running++;
        most = Math.max(most, running);
        await run();
        running--;
      },
    },
    concurrency,
    log: quiet,
    what: 'jobs',
  });
  loops.push(loop);
  void loop.run();
  const put = (name: string, count: number): void => server[name]?.put(count);
  const countOf = (name: string, of = started): number => of.filter((one) => one === name).length;
  return { put, started, countOf, server, most: () => most };
}

/** Jobs that end when the test says so. */
function gate() {
  const ends: (() => void)[] = [];
  return {
    run: () => new Promise<void>((end) => ends.push(end)),
    open: () => {
      for (const end of ends.splice(0)) end();
    },
  };
}

describe('a host with several lanes', () => {
  it('takes a job of a quiet lane in its turn, however many jobs wait in another', async () => {
    const host = startHost({ noisy: {}, quiet: {} }, 2, async () => {
      await new Promise((resolve) => setImmediate(resolve));
    });
    host.put('noisy', 10_000);
    await soon(() => host.countOf('noisy') > 100);
    const before = host.started.length;
    host.put('quiet', 1);
    await soon(() => host.countOf('quiet') === 1);
    expect(host.started.indexOf('quiet') - before).toBeLessThan(200);
  });

  it('shares its slots between lanes with work, and serves low priority under endless high priority', async () => {
    const host = startHost(
      { high: { priority: 'high' }, normal: {}, low: { priority: 'low' } },
      4,
      async () => await new Promise((resolve) => setImmediate(resolve)),
    );
    for (const name of ['high', 'normal', 'low']) host.put(name, 100_000);
    await soon(() => host.started.length > 5_000);
    const sample = host.started.slice(1_000, 5_000);
    const [high, normal, low] = ['high', 'normal', 'low'].map((name) => host.countOf(name, sample));
    expect(high).toBeGreaterThan(Number(normal) * 2);
    expect(normal).toBeGreaterThan(Number(low) * 2);
    expect(low).toBeGreaterThan(sample.length / 40);
  });

  it('never runs more than its slots, and hands back what it has no slot for', async () => {
    const { run, open } = gate();
    const host = startHost({ a: {}, b: {}, c: {}, d: {} }, 1, run);
    for (const name of ['a', 'b', 'c', 'd']) host.put(name, 1);
    await soon(() => host.started.length === 1);
    await soon(() => Object.values(host.server).filter((lane) => lane.handedBack > 0).length === 3);
    expect(host.most()).toBe(1);
    while (new Set(host.started).size < 4) {
      open();
      await new Promise((resolve) => setImmediate(resolve));
    }
    open();
    expect(host.most()).toBe(1);
  });

  it('hands back, in a cluster, what comes while it is full, and takes jobs again through the same pull', async () => {
    const { run, open } = gate();
    const host = startHost({ busy: {}, handed: {}, quiet: {} }, 1, run, true);
    host.put('busy', 1);
    await soon(() => host.started.length === 1);
    host.put('handed', 1);
    await soon(() => (host.server.handed?.handedBack ?? 0) > 0);
    open();
    await soon(() => host.countOf('handed') === 1);
    open();
    host.put('quiet', 1);
    await soon(() => host.countOf('quiet') === 1);
    expect(host.server.quiet?.pulls).toBe(1);
    open();
  });

  it('keeps slots free of bulk lanes, so that a new job of a quiet tenant starts at once', async () => {
    const { run, open } = gate();
    const host = startHost({ bulk: { isBulk: true }, more: { isBulk: true }, quiet: {} }, 8, run);
    host.put('bulk', 50);
    host.put('more', 50);
    await soon(() => host.started.length === 7);
    host.put('quiet', 1);
    await soon(() => host.countOf('quiet') === 1);
    expect(host.most()).toBe(8);
    open();
  });

  it('with one slot gives it to bulk lanes too', async () => {
    const host = startHost({ bulk: { isBulk: true }, quiet: {} }, 1);
    host.put('bulk', 3);
    await soon(() => host.countOf('bulk') === 3);
  });

  it('takes jobs again from all lanes when the server told only one of them that its consumer is gone', async () => {
    const host = startHost({ told: {}, untold: {} }, 2);
    for (const name of ['told', 'untold']) host.put(name, 1);
    await soon(() => host.started.length === 2);
    host.server.untold?.recreate(false);
    host.server.told?.recreate(true);
    for (const name of ['told', 'untold']) host.put(name, 1);
    await soon(() => host.countOf('told') === 2 && host.countOf('untold') === 2);
  });

  it('looks a consumer up again if it delivers for the first time a message older than those it had delivered', async () => {
    const { run, open } = gate();
    const host = startHost({ only: {} }, 1, run);
    host.put('only', 3);
    for (const count of [1, 2, 3]) {
      await soon(() => host.started.length === count);
      open();
    }
    await soon(() => host.server.only?.looks === 1);
    host.server.only?.rewind();
    host.put('only', 2);
    await soon(() => host.started.length === 4);
    open();
    await soon(() => host.started.length === 5);
    expect(host.server.only?.looks).toBe(2);
    open();
  });
});
