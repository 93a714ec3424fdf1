/**
 * The only place that builds or reads NATS subjects (docs/PROTOCOL.md). NATS clients and servers check almost nothing: a
 * line break in a token injects protocol, and a `*` or `>` is stored as it is. So every token is checked here.
 */
import { ThroughlineError } from '../errors.ts';
import {
  isOperationName,
  isToken,
  type JobAddress,
  type JobKey,
  OPERATION_MAX_LENGTH,
} from '../job/job-address.ts';
import { shortened } from '../text/shortened.ts';
import { OWN_LANE, OWN_ROUTES, pooledRoute, ROUTES, type Route, readRoute } from './lanes.ts';

const SHOWN_LENGTH = 40;
/** The first words of subjects that hold a route, and a job's tenant, id and operation. */
const ROUTED_ROOTS = ['jobs', 'delayed', 'due'];

/**
 * The first word of the subjects on which each side gets its answers. With the clients' default, `_INBOX`, a user who may
 * read their own answers may read those of all others.
 */
export const INBOX = { edge: '_INBOX_edge', worker: '_INBOX_worker', setup: '_INBOX_setup' } as const;

/**
 * Where nats-server publishes what it did with a message, if message tracing is on. The server drops a message that it would
 * trace if the message's own user may not publish here (2.12.12, 2.14.3 and newer), so edge and workers need this permission.
 */
export const BROKER_TRACES = 'broker-traces';

/** The tenant of dead letters whose subject is not that of a job. The edge refuses tokens that name it. */
export const UNREADABLE_TENANT = '_unreadable';

/**
 * `jobs.<priority>.<lane>.<tenant>.<jobId>.<operation>`.
 * @param route by default the pooled lane of the tenant
 * @throws ThroughlineError `request-invalid` naming the part that is wrong
 */
export function jobSubject(address: JobAddress, route = pooledRoute(address)): string {
  return `jobs.${routed(route, address)}`;
}

/**
 * `$KV.LIMITS.<tenant>.<key>.<operation>`: the entry of a limit's key.
 * @param key the hash of the key
 * @throws ThroughlineError `request-invalid`
 */
export function limitSubject({ tenant, operation }: Omit<JobAddress, 'jobId'>, key: string): string {
  return `$KV.LIMITS.${pathOf({ tenant, jobId: key, operation })}`;
}

/** `dead.<tenant>.<jobId>.<operation>`. @throws ThroughlineError `request-invalid` */
export function deadSubject(address: JobAddress): string {
  return `dead.${pathOf(address)}`;
}

/** `delayed.<priority>.<lane>.…`: a job that waits for its time. @throws ThroughlineError `request-invalid` */
export function delayedSubject(address: JobAddress, route = pooledRoute(address)): string {
  return `delayed.${routed(route, address)}`;
}

/** `due.<priority>.<lane>.…`: where the server copies a delayed job at its time. @throws ThroughlineError `request-invalid` */
export function dueSubject(address: JobAddress, route = pooledRoute(address)): string {
  return `due.${routed(route, address)}`;
}

/** Matches the subjects of {@link jobSubject} of all jobs: one filter for each route. No other subject is in the queue. */
export const JOB_SUBJECTS: readonly string[] = [...ROUTES, ...OWN_ROUTES].map(
  ({ priority, lane }) => `jobs.${priority}.${lane}.*.*.>`,
);

/** Matches a job in `DELAYED`, before its time and just after. @throws ThroughlineError `request-invalid` */
export function delayedSubjectFilter(tenant: string, jobId: string): string {
  return `*.*.*.${token('tenant', tenant)}.${token('job id', jobId)}.>`;
}

/** `events.<tenant>.<jobId>`. @throws ThroughlineError `request-invalid` */
export function eventSubject(tenant: string, jobId: string): string {
  return `events.${token('tenant', tenant)}.${token('job id', jobId)}`;
}

/** `events.<tenant>.<jobId>.callback`: the events of the job's callback. @throws ThroughlineError `request-invalid` */
export function callbackEventSubject(tenant: string, jobId: string): string {
  return `${eventSubject(tenant, jobId)}.callback`;
}

/** Reads an `events.…` subject back; undefined if {@link eventSubject} could not have made it. */
export function parseEventSubject(subject: string): JobKey | undefined {
  return parsePair('events', subject);
}

/** `cancel.<tenant>.<jobId>`: the notice that a job is cancelled. @throws ThroughlineError `request-invalid` */
export function cancelSubject(tenant: string, jobId: string): string {
  return `cancel.${token('tenant', tenant)}.${token('job id', jobId)}`;
}

/** The tenant of messages on a subject, or of a filter of such subjects; an empty text or a wildcard if it names none. */
export function tenantIn(subject: string): string {
  const [root = '', second = '', , fourth = ''] = subject.split('.');
  return root === '*' || ROUTED_ROOTS.includes(root) ? fourth : second;
}

/** Matches the subjects of {@link eventSubject} of all jobs. */
export const EVENT_SUBJECTS = 'events.>';

/** Matches the subjects of {@link cancelSubject} of all jobs. */
export const CANCEL_SUBJECTS = 'cancel.>';

/** `callbacks.<tenant>.<jobId>`: the task to send a job's callback. @throws ThroughlineError `request-invalid` */
export function callbackSubject(tenant: string, jobId: string): string {
  return `callbacks.${token('tenant', tenant)}.${token('job id', jobId)}`;
}

/** Matches the subjects of {@link callbackSubject} of all jobs. */
export const CALLBACK_SUBJECTS = 'callbacks.>';

/** `jobs.*.*.<tenant>.<jobId>.>`: matches a job whose operation is not known. @throws ThroughlineError `request-invalid` */
export function jobSubjectFilter(tenant: string, jobId: string): string {
  return `jobs.*.*.${token('tenant', tenant)}.${token('job id', jobId)}.>`;
}

/** `dead.<tenant>.<jobId>.>`: the dead letters of one job. @throws ThroughlineError `request-invalid` */
export function deadLetterFilter(tenant: string, jobId: string): string {
  return `dead.${token('tenant', tenant)}.${token('job id', jobId)}.>`;
}

/**
 * `dead.<tenant>.>`, or `dead.<tenant>.*.<operation>`: the dead letters of a tenant.
 * @throws ThroughlineError `request-invalid`
 */
export function deadLettersFilter(tenant: string, operation?: string): string {
  if (operation === undefined) return `dead.${token('tenant', tenant)}.>`;
  return `dead.${token('tenant', tenant)}.*.${operationOf(operation)}`;
}

/**
 * A filter of the consumer with which a worker group takes the jobs of a route.
 * @param operations an operation's name, or a prefix of one followed by `.>`, or `>` for all
 * @throws ThroughlineError `config-invalid`
 */
export function routeFilter(operations: string, { priority, lane }: Route): string {
  return `jobs.${priority}.${lane}.${operationsFilter(operations)}`;
}

/**
 * The filter of the consumer with which a worker group takes the jobs of a tenant from the tenant's own lane.
 * @param operations see {@link routeFilter}
 * @throws ThroughlineError `config-invalid`, `request-invalid` for the tenant
 */
export function ownLaneFilter(operations: string, { priority }: Route, tenant: string): string {
  const end = operationsFilter(operations).replace('*.*.', '');
  return `jobs.${priority}.${OWN_LANE}.${token('tenant', tenant)}.*.${end}`;
}

/** The tenant whose own lane a filter takes; undefined if it takes none. */
export function tenantOfFilter(filter: string): string | undefined {
  const [, , lane, tenant] = filter.split('.');
  return lane === OWN_LANE ? tenant : undefined;
}

/**
 * The end of a filter of jobs or dead letters: tenant, job id and some operations.
 * @param operations see {@link routeFilter}
 * @throws ThroughlineError `config-invalid`
 */
export function operationsFilter(operations: string): string {
  if (operations === '>') return '>';
  if (!isOperationsFilter(operations))
    throw new ThroughlineError(
      'config-invalid',
      `the operations filter ${shown(operations)} is not an operation's name, a prefix followed by ".>", or ">"`,
    );
  return `*.*.${operations}`;
}

/** Whether a text names some operations: see {@link routeFilter}. */
export function isOperationsFilter(operations: string): boolean {
  return operations === '>' || isOperationName(operations.replace(/\.>$/, ''));
}

/** What somebody may write for some operations, as the end of a sentence. */
export const OPERATIONS_RULE = 'must be an operation, a prefix such as image.*, or *';

/**
 * The operations that somebody wrote: `image.*` and `*` mean `image.>` and `>`. A shell takes ">" in an env file for a
 * redirection, and Docker keeps the quotes that would prevent that.
 */
export function operationsAsWritten(operations: string): string {
  return operations.replace(/(?<=^|\.)\*$/, '>');
}

/** Reads a `jobs.…`, `dead.…`, `delayed.…` or `due.…` subject back; undefined if it is not a valid one. */
export function parseJobSubject(subject: string): JobAddress | undefined {
  const tokens = subject.split('.');
  const route = parseRoute(subject);
  if (route === undefined && tokens[0] !== 'dead') return undefined;
  const [tenant, jobId, ...operation] = tokens.slice(route === undefined ? 1 : 3);
  const name = operation.join('.');
  if (!isToken(tenant) || !isToken(jobId) || !isOperationName(name)) return undefined;
  return { tenant, jobId, operation: name };
}

/** Reads the route of a `jobs.…`, `delayed.…` or `due.…` subject; undefined if it has none. */
export function parseRoute(subject: string): Route | undefined {
  const [root, priority, lane] = subject.split('.', 3);
  return root !== undefined && ROUTED_ROOTS.includes(root) ? readRoute(priority, lane) : undefined;
}

/** Reads a `cancel.…` subject back; undefined if {@link cancelSubject} could not have made it. */
export function parseCancelSubject(subject: string): JobKey | undefined {
  return parsePair('cancel', subject);
}

/** Reads a `callbacks.…` subject back; undefined if {@link callbackSubject} could not have made it. */
export function parseCallbackSubject(subject: string): JobKey | undefined {
  return parsePair('callbacks', subject);
}

function parsePair(root: string, subject: string): JobKey | undefined {
  const [first, tenant, jobId, ...more] = subject.split('.');
  if (first !== root || more.length > 0 || !isToken(tenant) || !isToken(jobId)) return undefined;
  return { tenant, jobId };
}

/** Whether a filter matches `subject`: `*` stands for one token, a `>` at the end for one or more. */
export function subjectMatches(filter: string, subject: string): boolean {
  const wanted = filter.split('.');
  const tokens = subject.split('.');
  if (wanted.at(-1) === '>') {
    wanted.pop();
    if (tokens.length <= wanted.length) return false;
  } else if (tokens.length !== wanted.length) return false;
  return wanted.every((want, place) => want === '*' || want === tokens[place]);
}

/** Whether a subject can match both filters. */
export function filtersOverlap(a: string, b: string): boolean {
  const [left, right] = [a.split('.'), b.split('.')];
  const length = Math.min(left.length, right.length);
  for (let place = 0; place < length; place++) {
    const [one, other] = [left[place], right[place]];
    if (one === '>' || other === '>') return true;
    if (one !== '*' && other !== '*' && one !== other) return false;
  }
  return left.length === right.length;
}

/**
 * The `WORKER_OPERATIONS` of a filter that {@link routeFilter} or {@link ownLaneFilter} made; any other filter as it is.
 */
export function operationsOfFilter(filter: string): string {
  if (filter === 'jobs.>') return '>';
  return filter.replace(/^jobs\.[^.]+\.[^.]+\.(?:[^.]+\.\*\.)?/, '');
}

function routed({ priority, lane }: Route, address: JobAddress): string {
  return `${priority}.${lane}.${pathOf(address)}`;
}

function pathOf({ tenant, jobId, operation }: JobAddress): string {
  const name = operationOf(operation);
  return `${token('tenant', tenant)}.${token('job id', jobId)}.${name}`;
}

function operationOf(operation: string): string {
  if (isOperationName(operation)) return operation;
  throw new ThroughlineError(
    'request-invalid',
    `the operation ${shown(operation)} is not a name of dotted lowercase words (at most ${OPERATION_MAX_LENGTH} characters)`,
  );
}

function token(what: string, value: string): string {
  if (isToken(value)) return value;
  throw new ThroughlineError(
    'request-invalid',
    `the ${what} ${shown(value)} is not 1 to 64 letters, digits, "_" or "-"`,
  );
}

/** A value in quotes and cut, so that a hostile value cannot break a log line or a message. */
function shown(value: unknown): string {
  return JSON.stringify(shortened(String(value), SHOWN_LENGTH));
}
