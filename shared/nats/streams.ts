/**
 * The JetStream streams, consumers and buckets of Throughline (docs/PROTOCOL.md), as plain data that both NATS clients
 * accept. Durations of JetStream's API are in nanoseconds.
 */
import {
  consumerName,
  isLimitedLane,
  isOrderedLane,
  type Lane,
  OWN_ROUTES,
  ROUTES,
  type Route,
} from '../wire/lanes.ts';
import {
  CALLBACK_SUBJECTS,
  CANCEL_SUBJECTS,
  EVENT_SUBJECTS,
  JOB_SUBJECTS,
  ownLaneFilter,
  routeFilter,
} from '../wire/subjects.ts';
import { CAP_KEY, type StoreCaps, TENANT_KEY } from './store-caps.ts';

export const NANOS_PER_MS = 1_000_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export const JOBS_STREAM = 'JOBS';
export const DELAYED_STREAM = 'DELAYED';
export const EVENTS_STREAM = 'EVENTS';
export const DEAD_STREAM = 'DEAD';
export const CANCELS_STREAM = 'CANCELS';
export const CALLBACKS_STREAM = 'CALLBACKS';
export const OPERATIONS_BUCKET = 'OPERATIONS';
/** The stream under the bucket, as every NATS client names it. */
export const OPERATIONS_STREAM = `KV_${OPERATIONS_BUCKET}`;
/** The subjects of the pauses of operations, in the bucket `OPERATIONS`. */
export const PAUSE_SUBJECTS = `$KV.${OPERATIONS_BUCKET}._paused.>`;
export const HOSTS_BUCKET = 'HOSTS';
export const HOSTS_STREAM = `KV_${HOSTS_BUCKET}`;
/** The subjects of the hosts' announcements; the last word is the key of the host. */
export const HOST_SUBJECTS = `$KV.${HOSTS_BUCKET}.>`;
/** How long the bucket keeps an announcement: as long as a lease may last. */
export const HOSTS_MAX_AGE_MS = 90_000;

export const LIMITS_STREAM = 'KV_LIMITS';
/** The subjects of the entries: tenant, hash of the key, operation. */
export const LIMIT_SUBJECTS = '$KV.LIMITS.*.*.>';

export interface StreamDefinition {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly retention: 'workqueue' | 'limits';
  readonly storage: 'file';
  readonly discard: 'new' | 'old';
  /** Nanoseconds; 0: messages do not age. */
  readonly max_age: number;
  /** Nanoseconds within which a repeated `Nats-Msg-Id` is dropped. */
  readonly duplicate_window: number;
  readonly max_msgs_per_subject: number;
  readonly allow_direct: boolean;
  readonly num_replicas: number;
  readonly sources?: readonly {
    readonly name: string;
    readonly subject_transforms: readonly { readonly src: string; readonly dest: string }[];
  }[];
  readonly allow_msg_schedules?: true;
  readonly allow_msg_ttl?: true;
  readonly deny_delete?: true;
  /** The cap of the queue. Absent: nobody knows how large the store is. */
  readonly max_bytes?: number;
  /** Of `DELAYED`: its cap. Of `EVENTS`: the share of one tenant. The edge keeps both. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The same for all streams, unless a stream says otherwise. */
const COMMON = {
  storage: 'file',
  duplicate_window: 2 * MINUTE_MS * NANOS_PER_MS,
  max_msgs_per_subject: -1,
} as const;

/** The work queue: it keeps each accepted job until the job is acknowledged, and refuses new jobs when it is full. */
const JOBS = {
  ...COMMON,
  name: JOBS_STREAM,
  subjects: JOB_SUBJECTS,
  retention: 'workqueue',
  discard: 'new',
  max_age: 0,
  allow_direct: false,
} as const;

/** The part of `JOBS` that takes delayed jobs when they are due. */
export const FROM_DELAYED = {
  sources: [{ name: DELAYED_STREAM, subject_transforms: [{ src: 'due.>', dest: 'jobs.>' }] }],
} as const;

/**
 * Delayed jobs wait in a stream of their own, because a stream with message schedules cannot refuse new messages. When a
 * job is due, the server copies it from `delayed.…` to `due.…`.
 */
const DELAYED = {
  ...COMMON,
  name: DELAYED_STREAM,
  subjects: ['delayed.>', 'due.>'],
  retention: 'limits',
  discard: 'old',
  max_age: 60 * DAY_MS * NANOS_PER_MS,
  allow_direct: true,
  allow_msg_schedules: true,
  allow_msg_ttl: true,
} as const;

const EVENTS = {
  ...COMMON,
  name: EVENTS_STREAM,
  subjects: [EVENT_SUBJECTS],
  retention: 'limits',
  discard: 'old',
  max_age: 7 * DAY_MS * NANOS_PER_MS,
  allow_direct: true,
} as const;

const DEAD = {
  ...COMMON,
  name: DEAD_STREAM,
  subjects: ['dead.>'],
  retention: 'limits',
  discard: 'old',
  max_age: 30 * DAY_MS * NANOS_PER_MS,
  allow_direct: true,
} as const;

/** The last cancel of each job, for a worker that was not connected when the notice was sent. */
const CANCELS = {
  ...COMMON,
  name: CANCELS_STREAM,
  subjects: [CANCEL_SUBJECTS],
  retention: 'limits',
  discard: 'old',
  max_age: 7 * DAY_MS * NANOS_PER_MS,
  max_msgs_per_subject: 1,
  allow_direct: true,
} as const;

/** A work queue of callbacks. A callback that was not delivered within a week is dropped. */
const CALLBACKS = {
  ...COMMON,
  name: CALLBACKS_STREAM,
  subjects: [CALLBACK_SUBJECTS],
  retention: 'workqueue',
  discard: 'new',
  max_age: 7 * DAY_MS * NANOS_PER_MS,
  allow_direct: false,
} as const;

/** The same for the stream of each key-value bucket, as a NATS client would create it. */
const BUCKET = {
  ...COMMON,
  retention: 'limits',
  discard: 'new',
  max_msgs_per_subject: 1,
  allow_direct: true,
  deny_delete: true,
} as const;

/** What can be run: a definition for each operation. It stays when no host serves the operation any more. */
const OPERATIONS = {
  ...BUCKET,
  name: OPERATIONS_STREAM,
  subjects: [`$KV.${OPERATIONS_BUCKET}.>`],
  max_age: 0,
} as const;

/** Who can run it: an announcement for each worker host, which the host renews while it lives. */
const HOSTS = {
  ...BUCKET,
  name: HOSTS_STREAM,
  subjects: [HOST_SUBJECTS],
  max_age: HOSTS_MAX_AGE_MS * NANOS_PER_MS,
  // The server allows no window that is longer than the age.
  duplicate_window: HOSTS_MAX_AGE_MS * NANOS_PER_MS,
} as const;

/** Who runs, and who started when, for the limits of operations. Each entry has a TTL of its own. The age is for entries without one. */
const LIMITS_ENTRIES = {
  ...BUCKET,
  name: LIMITS_STREAM,
  subjects: ['$KV.LIMITS.>'],
  max_age: 2 * DAY_MS * NANOS_PER_MS,
  allow_msg_ttl: true,
} as const;

/**
 * The streams, in the order in which they are created: `DELAYED` comes first, because `JOBS` takes its messages. `stream-rules.ts`
 * says in which settings an existing stream may differ.
 * @param replicas copies in a cluster: 1 on a single server, 3 in production
 * @param schedules whether the server can delay jobs
 * @param caps what waiting jobs, and those of one tenant, may take of the store
 */
export function streamDefinitions(
  replicas = 1,
  schedules = false,
  caps: StoreCaps = {},
): readonly StreamDefinition[] {
  const jobs = caps.jobs === undefined ? JOBS : { ...JOBS, max_bytes: caps.jobs };
  const delayed =
    caps.delayed === undefined ? DELAYED : { ...DELAYED, metadata: { [CAP_KEY]: String(caps.delayed) } };
  const events =
    caps.tenant === undefined ? EVENTS : { ...EVENTS, metadata: { [TENANT_KEY]: String(caps.tenant) } };
  const queue = schedules ? [delayed, { ...jobs, ...FROM_DELAYED }] : [jobs];
  const streams = [...queue, events, DEAD, CANCELS, CALLBACKS, OPERATIONS, HOSTS, LIMITS_ENTRIES];
  return streams.map((stream) => ({ ...stream, num_replicas: replicas }));
}

export interface ConsumerDefinition {
  readonly durable_name: string;
  /** Which jobs it takes, if one filter says it. */
  readonly filter_subject?: string;
  /** The same for several filters. */
  readonly filter_subjects?: readonly string[];
  readonly ack_policy: 'explicit';
  readonly deliver_policy: 'all';
  /** Nanoseconds. */
  readonly ack_wait: number;
  readonly max_deliver: -1;
  readonly max_ack_pending: number;
}

/**
 * The durable pull consumers that all hosts of a worker group share: one for each route, and one for each priority of a tenant
 * with an own lane. `max_deliver` has no limit on purpose: a message with more deliveries would stay in the work queue, and no
 * worker would see it. The worker counts attempts itself, from the recorded events, before it runs anything. So a job that
 * kills its worker ends in `DEAD` too.
 * @param options `operations`: filters, see `routeFilter`; `ownLanes`: the tenants whose own lanes the group serves
 * @throws ThroughlineError `config-invalid` if one of `operations` is no filter
 */
export function groupConsumers(options: {
  readonly group: string;
  readonly operations: readonly string[];
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
  readonly ownLanes?: readonly string[];
}): RouteConsumer[] {
  const { group, operations, ackWaitMs, maxAckPending, ownLanes = [] } = options;
  const shared = ROUTES.map((route) => ({
    route,
    definition: consumerDefinition({
      name: consumerName(group, route),
      filters: operations.map((filter) => routeFilter(filter, route)),
      ackWaitMs,
      maxAckPending: ackPendingOf(route.lane, maxAckPending),
    }),
  }));
  const own = ownLanes.flatMap((tenant) =>
    OWN_ROUTES.map((route) => ({
      route,
      definition: consumerDefinition({
        name: consumerName(group, route, tenant),
        filters: operations.map((filter) => ownLaneFilter(filter, route, tenant)),
        ackWaitMs,
        maxAckPending,
      }),
    })),
  );
  return [...shared, ...own];
}

/** How many messages of a lane may be under way at a time; -1: any number. */
function ackPendingOf(lane: Lane, usual: number): number {
  if (isOrderedLane(lane)) return 1;
  return isLimitedLane(lane) ? -1 : usual;
}

/** The consumer with which a worker group takes the jobs of one route. */
export interface RouteConsumer {
  readonly route: Route;
  readonly definition: ConsumerDefinition;
}

/** A durable pull consumer that several hosts share. @param options `filters`: which messages it takes, at least one */
export function consumerDefinition(options: {
  readonly name: string;
  readonly filters: readonly string[];
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
}): ConsumerDefinition {
  return {
    durable_name: options.name,
    ...filterOf(options.filters),
    ack_policy: 'explicit',
    deliver_policy: 'all',
    ack_wait: options.ackWaitMs * NANOS_PER_MS,
    max_deliver: -1,
    max_ack_pending: options.maxAckPending,
  };
}

/** A single filter has a field of its own. Only then does the subject of the request end with it, so that NATS can permit it. */
function filterOf(
  filters: readonly string[],
): Pick<ConsumerDefinition, 'filter_subject' | 'filter_subjects'> {
  const [filter = '', ...others] = filters;
  return others.length === 0 ? { filter_subject: filter } : { filter_subjects: filters };
}

/** The filters of a consumer. A consumer without a filter takes everything. @param all the filter that takes everything */
export function filtersOf(
  config: { readonly filter_subject?: string; readonly filter_subjects?: readonly string[] },
  all: string,
): readonly string[] {
  return config.filter_subjects ?? [config.filter_subject ?? all];
}

/** Whether a consumer is that of a stream which mirrors this one, or has it as a source: an operator's copy, which takes no job away. */
export function isOfCopy(config: object): boolean {
  return 'sourcing' in config && config.sourcing === true;
}

/**
 * The durable pull consumer that all worker hosts share to deliver callbacks. The number of unacknowledged messages has
 * no limit: callbacks that wait for a receiver that is away must not hold up the others.
 */
export function callbackConsumerDefinition(ackWaitMs: number): ConsumerDefinition {
  return consumerDefinition({
    name: 'callbacks',
    filters: [CALLBACK_SUBJECTS],
    ackWaitMs,
    maxAckPending: -1,
  });
}
