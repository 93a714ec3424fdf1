import type { Part, PartOptions } from '../suite/part.ts';
import type { Figures, Row } from '../suite/table.ts';
import { GrownSystem } from '../support/grown-system.ts';
import { median, residentMib, workerdPids } from '../support/measure.ts';

/** Requests of each kind in a round. */
const REQUESTS = 20;
const QUICK_REQUESTS = 2;

/** Something that can become many. */
interface Grown {
  readonly name: string;
  readonly title: string;
  readonly of: string;
  readonly sizes: readonly number[];
  readonly quickSizes: readonly number[];
  /** How many tenants there are at this size. */
  readonly tenants: (size: number) => number;
  /** Lets the system grow to this size. */
  readonly grow: (system: GrownSystem, size: number) => Promise<void>;
}

const GROWN: readonly Grown[] = [
  {
    ...{ name: 'growth-backlog', title: 'Requests while many jobs wait', of: 'jobs in the queue' },
    ...{ sizes: [1_000, 10_000, 100_000, 1_000_000], quickSizes: [100], tenants: () => 1 },
    grow: (system, size) => system.fillQueue(size),
  },
  {
    ...{ name: 'growth-tenants', title: 'Requests of many tenants in turn', of: 'tenants' },
    ...{ sizes: [1, 10, 100, 1_000], quickSizes: [10], tenants: (size) => size },
    grow: async (system, size) => {
      for (let tenant = 0; tenant < size; tenant++) await system.submit(tenant);
    },
  },
  {
    ...{ name: 'growth-watchers', title: 'Requests while many event streams are open', of: 'watchers' },
    ...{ sizes: [1, 10, 100, 1_000], quickSizes: [10], tenants: () => 1 },
    grow: (system, size) => system.watch(size),
  },
];

/** What requests take when there is much of something. */
export const growth: Part = {
  name: 'growth',
  what: 'what requests take with many jobs in the queue, many tenants, and many watchers',
  tables: GROWN.map(({ name }) => name),
  run: async (options: PartOptions) => {
    for (const grown of options.quick ? GROWN.slice(0, 1) : GROWN)
      if (options.wanted(grown.name)) await measure(grown, options);
  },
};

async function measure(grown: Grown, options: PartOptions): Promise<void> {
  const sizes = options.quick ? grown.quickSizes : grown.sizes;
  const before = workerdPids();
  const system = await GrownSystem.start(grown.tenants(sizes.at(-1) ?? 1));
  const workerd = workerdPids().find((pid) => !before.includes(pid)) ?? 0;
  const rows: Row[] = [];
  try {
    for (const size of sizes) {
      await grown.grow(system, size);
      const measureOnce = () => measureRequests(system, grown.tenants(size), options.quick);
      await measureOnce();
      const rounds: Figures[] = [];
      for (let round = 0; round < options.rounds; round++)
        rounds.push({ ...(await measureOnce()), workerd: residentMib(workerd) });
      rows.push({ name: `${size.toLocaleString('en-US')} ${grown.of}`, kind: 'ours', rounds });
    }
  } finally {
    await system.stop();
  }
  await options.report({
    ...{
      name: grown.name,
      title: grown.title,
      rows,
      notes: ['One request at a time; medians of each round.'],
    },
    columns: [
      ...['POST', 'GET', 'list'].map((name) => ({ name, unit: 'ms', digits: 1 })),
      { name: 'workerd', unit: 'MiB' },
    ],
  });
}

async function measureRequests(system: GrownSystem, tenants: number, quick: boolean): Promise<Figures> {
  const times = { POST: [] as number[], GET: [] as number[], list: [] as number[] };
  const time = async <T>(into: number[], act: () => Promise<T>): Promise<T> => {
    const since = performance.now();
    const result = await act();
    into.push(performance.now() - since);
    return result;
  };
  for (let n = 0; n < (quick ? QUICK_REQUESTS : REQUESTS); n++) {
    // A number without a common divisor with the number of tenants, so that each has its turn.
    const tenant = (n * 7) % tenants;
    const id = await time(times.POST, () => system.submit(tenant));
    await time(times.GET, () => system.read(tenant, `/v1/jobs/${id}`));
    await time(times.list, () => system.read(tenant, '/v1/jobs?limit=50'));
  }
  return { POST: median(times.POST), GET: median(times.GET), list: median(times.list) };
}
