import { type EdgeKind, Edges, type RunningEdge } from '../edges/edges.ts';
import type { Load, LoadFigures, Sender } from '../load/load.ts';
import { findSender } from '../load/sender.ts';
import type { Part, PartOptions } from '../suite/part.ts';
import { inTurns } from '../suite/rounds.ts';
import type { Column, Figures } from '../suite/table.ts';
import { jsonHeaders } from '../support/api.ts';
import { processorMs } from '../support/measure.ts';

const SECONDS = 2;
const QUICK: Pick<Load, 'seconds' | 'enough'> = { seconds: 1, enough: 64 };
/** Until then V8 still recompiles code, so only later requests count. */
const WARM_UP_REQUESTS = 25_000;
const WARM_UP_AT_ONCE = 32;
const SHORT = 100;
const COLUMNS: readonly Column[] = [
  { name: 'requests', unit: '/s' },
  { name: 'workerd', unit: 'µs of CPU a request' },
  { name: 'nats-server', unit: 'µs of CPU a request' },
];

const EMPTY = { name: 'empty handler', kind: 'limit', entry: 'bench/limits/empty-worker.ts' } as const;
const EMPTY_OBJECT = {
  ...EMPTY,
  name: 'empty handler, calls an empty object',
  settings: { CALL_OBJECT: 'true' },
} as const;
const MINIMAL = minimalBridge(1);
const ALL = [
  EMPTY,
  EMPTY_OBJECT,
  MINIMAL,
  minimalBridge(4),
  ours(false, 1),
  ours(true, 1),
  ours(false, 2),
  ours(true, 2),
  ours(false, 4),
  ours(true, 4),
];
/** Beside 32 short requests at once, the other rows say nothing new. */
const FEW = [MINIMAL, ours(false, 1), ours(true, 1), ours(true, 4)];

/** A table: how many requests at once, of what size, to which edges. */
interface Case {
  readonly name: string;
  readonly title: string;
  readonly atOnce: number;
  /** Of the body. */
  readonly bytes: number;
  readonly edges: readonly EdgeKind[];
}

const CASES: readonly Case[] = [
  { name: 'edge-32', title: 'POST /v1/jobs, 32 at once', atOnce: 32, bytes: SHORT, edges: ALL },
  // The empty handlers say what a request takes at least when it has the machine for itself.
  {
    name: 'edge-1',
    title: 'POST /v1/jobs, one after the other',
    atOnce: 1,
    bytes: SHORT,
    edges: [EMPTY, EMPTY_OBJECT, ...FEW],
  },
  { name: 'edge-256', title: 'POST /v1/jobs, 256 at once', atOnce: 256, bytes: SHORT, edges: FEW },
  {
    name: 'edge-10kB',
    title: 'POST /v1/jobs with 10 kB, 32 at once',
    atOnce: 32,
    bytes: 10_000,
    edges: FEW,
  },
  {
    name: 'edge-200kB',
    title: 'POST /v1/jobs with 200 kB, 32 at once',
    atOnce: 32,
    bytes: 200_000,
    edges: FEW,
  },
];
/** Each kind of edge, and each way to send. */
const QUICK_CASES: readonly Case[] = CASES.flatMap((one) => {
  if (one.name === 'edge-32') return { ...one, edges: [EMPTY, EMPTY_OBJECT, MINIMAL, ours(false, 1)] };
  return one.name === 'edge-200kB' ? { ...one, edges: [MINIMAL, ours(true, 4)] } : [];
});

/** What a submit costs in workerd, beside the least that the design allows. */
export const edge: Part = {
  name: 'edge',
  what: 'POST /v1/jobs beside empty handlers and a minimal bridge',
  tables: CASES.map(({ name }) => name),
  run: async (options: PartOptions) => {
    const cases = (options.quick ? QUICK_CASES : CASES).filter(({ name }) => options.wanted(name));
    if (cases.length === 0) return;
    const sender = await findSender();
    const kinds = new Map(cases.flatMap(({ edges }) => edges.map((one) => [one.name, one] as const)));
    const edges = await Edges.start([...kinds.values()]);
    const part = new EdgePart(edges, sender, options.quick ? QUICK : { seconds: SECONDS });
    try {
      for (const one of edges.all) await part.warmUp(one, options.quick ? 1 : WARM_UP_REQUESTS);
      for (const one of cases) await part.measure(one, options);
    } finally {
      await edges.stop();
    }
  },
};

/** The edges, and who sends to them. */
class EdgePart {
  readonly #edges: Edges;
  readonly #sender: Sender;
  readonly #length: Pick<Load, 'seconds' | 'enough'>;

  constructor(edges: Edges, sender: Sender, length: Pick<Load, 'seconds' | 'enough'>) {
    this.#edges = edges;
    this.#sender = sender;
    this.#length = length;
  }

  /** @throws Error if the edge does not answer as it should */
  async warmUp(to: RunningEdge, requests: number): Promise<void> {
    await this.#check(to);
    for (let sent = 1; sent < requests; ) {
      const load = await this.#send(to, WARM_UP_AT_ONCE, SHORT);
      sent += load.requests;
      if (load.failed === load.requests) throw new Error(`${to.name}: all ${load.requests} requests failed`);
    }
    await this.#edges.emptyQueue();
  }

  async measure({ name, title, atOnce, bytes, edges }: Case, options: PartOptions): Promise<void> {
    const rows = this.#edges.all.filter((one) => edges.some((wanted) => wanted.name === one.name));
    const contestants = rows.map((to) => ({ ...to, measure: () => this.#measure(to, atOnce, bytes) }));
    await options.report({
      name,
      title,
      columns: COLUMNS,
      picture: 'requests',
      sender: this.#sender.name,
      rows: await inTurns(contestants, options.rounds, options.quick ? 0 : 1),
      notes: [
        `Bodies of ${bytes.toLocaleString('en-US')} bytes. The sender of the requests shares the machine with workerd and nats-server.`,
        ...(this.#sender.note === undefined ? [] : [this.#sender.note]),
      ],
    });
  }

  async #measure(to: RunningEdge, atOnce: number, bytes: number): Promise<Figures> {
    const { server } = this.#edges;
    const before = [processorMs(to.workerd), processorMs(server)] as const;
    const { requests, failed, seconds } = await this.#send(to, atOnce, bytes);
    const [workerd, nats] = [processorMs(to.workerd) - before[0], processorMs(server) - before[1]];
    await this.#edges.emptyQueue();
    if (failed === requests) throw new Error(`all ${requests} requests failed`);
    return {
      requests: (requests - failed) / seconds,
      failed,
      workerd: (workerd * 1e3) / requests,
      ...(to.shards === undefined ? {} : { 'nats-server': (nats * 1e3) / requests }),
    };
  }

  #send(to: RunningEdge, connections: number, bytes: number): Promise<LoadFigures> {
    return this.#sender.send({ ...this.#request(to, bytes), connections, ...this.#length });
  }

  /** One request of the longest kind: a job is accepted, and an empty handler says yes to everything. */
  async #check(to: RunningEdge): Promise<void> {
    const { url, headers, body } = this.#request(to, Math.max(...CASES.map((one) => one.bytes)));
    const response = await fetch(url, { method: 'POST', headers, body });
    const text = await response.text();
    if (response.status !== (to.shards === undefined ? 200 : 202))
      throw new Error(`${to.name} answered ${response.status} ${text}`);
  }

  #request({ url }: RunningEdge, bytes: number): Pick<Load, 'url' | 'headers' | 'body'> {
    const headers = jsonHeaders(this.#edges.key);
    return { url: `${url}/v1/jobs`, headers, body: bodyOf(bytes) };
  }
}

/** The body of a job, with this many bytes: nearly all of them are one text. */
function bodyOf(bytes: number): string {
  const job = (text: string): string => JSON.stringify({ operation: 'bench.nap', input: { ms: 1, text } });
  return job('x'.repeat(bytes - job('').length));
}

function minimalBridge(shards: number): EdgeKind {
  const name = shards === 1 ? 'minimal bridge' : `minimal bridge, ${shards} objects`;
  return { name, kind: 'limit', entry: 'bench/limits/minimal-bridge.ts', shards };
}

function ours(traced: boolean, shards: number): EdgeKind {
  const name = `${traced ? 'traced' : 'untraced'}, ${shards} ${shards === 1 ? 'shard' : 'shards'}`;
  return { name, kind: 'ours', traced, shards };
}
