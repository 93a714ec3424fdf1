/**
 * The lanes of the queue (docs/PROTOCOL.md). A job's subject names its priority and its lane. Which lanes there are is part
 * of the protocol and not a setting, so bridges and hosts always agree.
 */
import { fnv1a } from '../fnv1a.ts';
import type { JobAddress } from '../job/job-address.ts';
import type { JobSpec } from '../job/job-spec.ts';
import { PRIORITIES, type Priority } from '../job/priority.ts';

/** Each tenant has one of these lanes, by its name. */
export const POOLED_LANES = ['p0', 'p1', 'p2', 'p3'] as const;
/** Jobs of tenants that already have many unfinished jobs. */
export const BULK_LANES = ['b0', 'b1'] as const;
/**
 * Jobs of operations with a limit by key: of tenants with few unfinished jobs, and of the others. Those that wait for their
 * limit count as delivered, so these lanes have room for any number of them.
 */
export const LIMITED_LANES = ['l0', 'l1'] as const;
/** Jobs with an ordering key. One message of such a lane is under way at a time. */
export const ORDERED_LANES = ['o0', 'o1', 'o2', 'o3', 'o4', 'o5', 'o6', 'o7'] as const;

/** Jobs of a tenant for which hosts keep a lane: its consumers are for this tenant only. */
export const OWN_LANE = 'own';

const SHARED_LANES = [...POOLED_LANES, ...BULK_LANES, ...LIMITED_LANES] as const;
const LANES = [...SHARED_LANES, ...ORDERED_LANES, OWN_LANE] as const;
export type Lane = (typeof LANES)[number];

/** Where a job waits in the queue: the two tokens of its subject before the tenant. */
export interface Route {
  readonly priority: Priority;
  readonly lane: Lane;
}

/** The routes that every worker group has consumers for. Ordered jobs have no priority, because jobs of different priorities would overtake each other. */
export const ROUTES: readonly Route[] = [
  ...PRIORITIES.flatMap((priority) => SHARED_LANES.map((lane) => ({ priority, lane }))),
  ...ORDERED_LANES.map((lane) => ({ priority: 'normal', lane }) as const),
];

/** The routes of jobs in own lanes. A worker group has consumers for them only for some tenants. */
export const OWN_ROUTES: readonly Route[] = PRIORITIES.map((priority) => ({ priority, lane: OWN_LANE }));

/** What decides on the route of a job, besides the job. */
export interface RouteFacts {
  /** Whether its tenant has many unfinished jobs. */
  readonly isBusy: boolean;
  /** Whether a host that is alive serves the own lane of its tenant, and can run it. */
  readonly hasOwnLane: boolean;
  /** Whether its operation has a limit by key. */
  readonly isLimited: boolean;
}

/**
 * Where a job waits in the queue. Ordered and limited jobs have no place in an own lane, which is made for neither. Delayed ones have
 * none, because nobody knows which hosts are alive when they are due.
 */
export function routeOf(
  address: Pick<JobAddress, 'tenant'>,
  { orderingKey, priority, dueAt }: Pick<JobSpec, 'orderingKey' | 'priority' | 'dueAt'>,
  { isBusy, hasOwnLane, isLimited }: RouteFacts,
): Route {
  if (orderingKey !== undefined) return orderedRoute(address, orderingKey);
  if (isLimited) return limitedRoute(isBusy, priority);
  if (hasOwnLane && dueAt === undefined) return { priority: priority ?? 'normal', lane: OWN_LANE };
  return isBusy ? bulkRoute(address, priority) : pooledRoute(address, priority);
}

/** The route of a job that has no priority and no ordering key: the pooled lane of its tenant. */
export function pooledRoute({ tenant }: Pick<JobAddress, 'tenant'>, priority: Priority = 'normal'): Route {
  return { priority, lane: laneOf(tenant, POOLED_LANES) };
}

/** The route of a job whose tenant has many unfinished jobs. */
export function bulkRoute({ tenant }: Pick<JobAddress, 'tenant'>, priority: Priority = 'normal'): Route {
  return { priority, lane: laneOf(tenant, BULK_LANES) };
}

/** The route of a job whose operation has a limit by key. */
export function limitedRoute(isBusy: boolean, priority: Priority = 'normal'): Route {
  return { priority, lane: LIMITED_LANES[isBusy ? 1 : 0] };
}

/** The route of a job with an ordering key. All jobs of one tenant and key have the same route. */
export function orderedRoute({ tenant }: Pick<JobAddress, 'tenant'>, orderingKey: string): Route {
  return { priority: 'normal', lane: laneOf(`${tenant}/${orderingKey}`, ORDERED_LANES) };
}

/** Whether a lane may hold many jobs of one tenant, so that it must leave slots to the others. */
export function isBulkLane(lane: Lane): boolean {
  return lane === OWN_LANE || lane === LIMITED_LANES[1] || BULK_LANES.some((bulk) => bulk === lane);
}

/** Whether a lane is for the jobs of operations with a limit by key. */
export function isLimitedLane(lane: Lane): boolean {
  return LIMITED_LANES.some((limited) => limited === lane);
}

/** Whether the jobs of a lane run one after the other. */
export function isOrderedLane(lane: Lane): boolean {
  return ORDERED_LANES.some((ordered) => ordered === lane);
}

const ROUTES_BY_TOKENS = new Map(
  [...ROUTES, ...OWN_ROUTES].map((route) => [`${route.priority}.${route.lane}`, route]),
);

/** Reads the tokens of a route; undefined if there is no such route. */
export function readRoute(priority: string | undefined, lane: string | undefined): Route | undefined {
  return ROUTES_BY_TOKENS.get(`${priority}.${lane}`);
}

/**
 * The name of the consumer with which a worker group takes the jobs of a route: `workers-normal-p0`, `workers-normal-own-acme`.
 * @param tenant whose own lane it is
 */
export function consumerName(group: string, { priority, lane }: Route, tenant?: string): string {
  return `${group}-${priority}-${lane}${tenant === undefined ? '' : `-${tenant}`}`;
}

/** Whether the name of a group can be told from the name of its consumers. */
export function isGroupName(group: string): boolean {
  return !OWN_CONSUMER.test(`${group}-`);
}

const OWN_CONSUMER = /-(?:high|normal|low)-own-/;

/** The worker group of a consumer. A consumer that {@link consumerName} did not name is a group of its own. */
export function groupOfConsumer(name: string): string {
  const own = OWN_CONSUMER.exec(name);
  if (own !== null) return name.slice(0, own.index);
  const route = ROUTES.find((one) => name.endsWith(consumerName('', one)));
  return route === undefined ? name : name.slice(0, -consumerName('', route).length);
}

function laneOf<L extends Lane>(key: string, lanes: readonly [L, ...L[]]): L {
  return lanes[fnv1a(key) % lanes.length] ?? lanes[0];
}
