import { setTimeout as delay } from 'node:timers/promises';
import { withWorkerd } from '../edges/workerd.ts';
import type { Part, PartOptions } from '../suite/part.ts';
import type { Figures, Row } from '../suite/table.ts';
import { GrownSystem } from '../support/grown-system.ts';
import { median, residentMib } from '../support/measure.ts';

/** Requests of each kind in a round. */
const REQUESTS = 20;
const QUICK_REQUESTS = 2;

/** How long a round takes at least while there are watchers. */
const WATCHED_MS = 1_000;
const WATCHERS = 'growth-watchers';

/** Something that can become many. */
interface Grown {
  readonly name: string;
  readonly title: string;
  /** What there is one of, and what there are many of. */
  readonly of: readonly [one: string, many: string];
  readonly sizes: readonly number[];
  /** Empty: it is left out. */
  readonly quickSizes: readonly number[];
  /** How many tenants there are at this size. */
  readonly tenants: (size: number) => number;
  /** Lets the system grow to this size. */
  readonly grow: (system: GrownSystem, size: number) => Promise<void>;
}

const GROWN: readonly Grown[] = [
  {
    name: 'growth-backlog',
    title: 'Requests while many jobs wait',
    of: ['job in the queue', 'jobs in the queue'],
    sizes: [1_000, 10_000, 100_000, 1_000_000],
    quickSizes: [100],
    tenants: () => 1,
    grow: (system, size) => system.fillQueue(size),
  },
  {
    name: 'growth-tenants',
    title: 'Requests of many tenants in turn',
    of: ['tenant', 'tenants'],
    sizes: [1, 10, 100, 1_000],
    quickSizes: [],
    tenants: (size) => size,
    grow: async (system, size) => {
      for (let tenant = 0; tenant < size; tenant++) await system.submit(tenant);
    },
  },
  {
    name: WATCHERS,
    title: 'Requests while many event streams are open, each with an event a second',
    of: ['watcher', 'watchers'],
    sizes: [1, 10, 100, 1_000],
    quickSizes: [10],
    tenants: () => 1,
    grow: (system, size) => system.watch(size),
  },
];

/** What requests take when there is much of something. */
export const growth: Part = {
  name: 'growth',
  what: 'what requests take with many jobs in the queue, many tenants, and many watchers',
  tables: GROWN.map(({ name }) => name),
  run: async (options: PartOptions) => {
    for (const grown of GROWN.filter(({ quickSizes }) => !options.quick || quickSizes.length > 0))
      if (options.wanted(grown.name)) await measure(grown, options);
  },
};

async function measure(grown: Grown, options: PartOptions): Promise<void> {
  const sizes = options.quick ? grown.quickSizes : grown.sizes;
  const most = grown.tenants(sizes.at(-1) ?? 1);
  const { started: system, workerd } = await withWorkerd(() => GrownSystem.start(most));
  const requests = new Requests(system, options.quick ? QUICK_REQUESTS : REQUESTS);
  const rows: Row[] = [];
  try {
    for (const size of sizes) {
      await grown.grow(system, size);
      await requests.measure(grown.tenants(size));
      const rounds: Figures[] = [];
      for (let round = 0; round < options.rounds; round++)
        rounds.push({ ...(await requests.measure(grown.tenants(size))), workerd: residentMib(workerd) });
      const of = grown.of[size === 1 ? 0 : 1];
      rows.push({ name: `${size.toLocaleString('en-US')} ${of}`, kind: 'ours', rounds });
    }
  } finally {
    await system.stop();
  }
  await options.report({
    name: grown.name,
    title: grown.title,
    rows,
    notes: ['One request at a time; medians of each round.'],
    columns: [
      ...['POST', 'GET', 'list'].map((name) => ({ name, unit: 'ms', digits: 1 })),
      { name: 'workerd', unit: 'MiB' },
      ...(grown.name === WATCHERS ? [{ name: 'events to the watchers', unit: '/s' }] : []),
    ],
  });
}

/** Requests that are sent one at a time, of one tenant after the other. */
class Requests {
  readonly #system: GrownSystem;
  readonly #count: number;
  #sent = 0;

  /** @param count of each kind in a round */
  constructor(system: GrownSystem, count: number) {
    this.#system = system;
    this.#count = count;
  }

  /** @param tenants how many there are */
  async measure(tenants: number): Promise<Figures> {
    const times = { POST: [] as number[], GET: [] as number[], list: [] as number[] };
    const time = async <T>(into: number[], act: () => Promise<T>): Promise<T> => {
      const since = performance.now();
      const result = await act();
      into.push(performance.now() - since);
      return result;
    };
    const [began, before] = [performance.now(), this.#system.received];
    for (let n = 0; n < this.#count; n++) {
      // All of them have their turn, over the rounds.
      const tenant = this.#sent++ % tenants;
      const id = await time(times.POST, () => this.#system.submit(tenant));
      await time(times.GET, () => this.#system.read(tenant, `/v1/jobs/${id}`));
      await time(times.list, () => this.#system.read(tenant, '/v1/jobs?limit=50'));
    }
    // Each watcher has its event in this time.
    if (this.#system.isWatched) await delay(Math.max(0, WATCHED_MS - (performance.now() - began)));
    const seconds = (performance.now() - began) / 1_000;
    return {
      POST: median(times.POST),
      GET: median(times.GET),
      list: median(times.list),
      'events to the watchers': (this.#system.received - before) / seconds,
    };
  }
}
