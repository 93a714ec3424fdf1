import { BROKER_TRACES, INBOX } from '../../wire/subjects.ts';
import { LIMIT_SUBJECTS, PAUSE_SUBJECTS } from '../streams.ts';
import { LOST_TO_TRACING, type Permission, permissions, USER_INFO } from './permission.ts';

/** The subjects of acks: nats-server has two forms, see `deploy/nats/permissions.conf`. */
function acksOf(stream: string): string[] {
  return [`$JS.ACK.${stream}.*.*.*.*.*.*`, `$JS.ACK.*.*.${stream}.*.*.*.*.*.>`];
}

/** How a consumer with one filter is made: the subject of the request ends with the filter. */
const CREATE_ONE_FILTER = '$JS.API.CONSUMER.CREATE.JOBS.*.jobs.>';
/** How one with several filters is made. NATS cannot see, and so not limit, which ones. */
const CREATE_FILTERS = '$JS.API.CONSUMER.CREATE.JOBS.*';

/** What the user of the workers must be allowed: a test compares it with `deploy/nats/permissions.conf`. */
export const WORKER_PERMISSIONS: readonly Permission[] = [
  ...permissions('publish', [
    ['breaks', 'events cannot be stored, so no job begins or ends', 'events.*.*'],
    ['weakens', 'how the delivery of a callback ended cannot be stored', 'events.*.*.callback'],
    ['breaks', 'failed jobs cannot be moved to the dead letters, and never end', 'dead.*.*.>'],
    ['breaks', 'jobs with a callback never end', 'callbacks.*.*'],
    ['breaks', 'nobody learns what this host can run', '$KV.OPERATIONS.>', '$KV.HOSTS.>'],
    [
      'weakens',
      'jobs of operations with a limit for each key do not run',
      LIMIT_SUBJECTS,
      '$JS.API.STREAM.MSG.GET.KV_LIMITS',
    ],
    ['breaks', 'no job reaches this host', '$JS.API.CONSUMER.MSG.NEXT.JOBS.*'],
    ['breaks', 'no callback is delivered', '$JS.API.CONSUMER.MSG.NEXT.CALLBACKS.*'],
    ['breaks', 'jobs cannot be acknowledged, and are delivered again and again', ...acksOf('JOBS')],
    ['breaks', 'callbacks cannot be acknowledged, and are sent again and again', ...acksOf('CALLBACKS')],
    [
      'breaks',
      'the consumers of the workers cannot be found',
      '$JS.API.CONSUMER.INFO.JOBS.*',
      '$JS.API.CONSUMER.INFO.CALLBACKS.*',
    ],
    [
      'breaks',
      'the consumers of the workers cannot be made',
      CREATE_ONE_FILTER,
      '$JS.API.CONSUMER.CREATE.CALLBACKS.*.callbacks.>',
    ],
    ['weakens', 'no group can take a list of operations', CREATE_FILTERS],
    ['weakens', 'the group that is in the way of another one is not named', '$JS.API.CONSUMER.LIST.JOBS'],
    ['breaks', 'JetStream cannot be used', '$JS.API.INFO'],
    ['breaks', 'the streams cannot be checked', '$JS.API.STREAM.INFO.*'],
    ['breaks', 'the last event of a job cannot be read', '$JS.API.STREAM.MSG.GET.EVENTS'],
    ['weakens', 'cancels that were missed cannot be looked up', '$JS.API.STREAM.MSG.GET.CANCELS'],
    ['breaks', 'announcements of operations cannot be compared', '$JS.API.STREAM.MSG.GET.KV_OPERATIONS'],
    ['weakens', 'other hosts are not known from the start', '$JS.API.STREAM.MSG.GET.KV_HOSTS'],
    ['weakens', 'a missing permission is found only when it is needed', USER_INFO],
    ['weakens', LOST_TO_TRACING, BROKER_TRACES],
  ]),
  ...permissions('subscribe', [
    ['breaks', 'no answer of NATS arrives', `${INBOX.worker}.>`],
    ['breaks', 'running jobs cannot be cancelled', 'cancel.>'],
    ['weakens', 'other hosts are not known', '$KV.HOSTS.>'],
    ['weakens', 'it takes a while until this host knows that an operation is paused', PAUSE_SUBJECTS],
    ['weakens', 'jobs wait longer for places that other hosts free', LIMIT_SUBJECTS],
  ]),
];

/**
 * What the user of a group must be allowed.
 * @param operations the filters of its `WORKER_OPERATIONS`: consumers with one filter are made in another way than those with several
 */
export function neededByWorker(operations: readonly string[]): Permission[] {
  const unused = operations.length === 1 ? CREATE_FILTERS : CREATE_ONE_FILTER;
  return WORKER_PERMISSIONS.filter(({ subject }) => subject !== unused);
}
