import { BROKER_TRACES, INBOX } from '../../wire/subjects.ts';
import { LOST_TO_TRACING, type Permission, permissions, USER_INFO } from './permission.ts';

/** What the user of the edge must be allowed: a test compares it with `deploy/nats/permissions.conf`. */
export const EDGE_PERMISSIONS: readonly Permission[] = [
  ...permissions('publish', [
    ['breaks', 'no job can be submitted', 'jobs.*.*.*.*.>'],
    ['breaks', 'no delayed job can be submitted', 'delayed.*.*.*.*.>'],
    ['breaks', 'jobs cannot be cancelled', 'cancel.*.*'],
    ['breaks', 'the end of a cancelled job cannot be stored', 'events.*.*'],
    ['breaks', 'cancelled jobs send no callback', 'callbacks.*.*'],
    [
      'breaks',
      'jobs cannot be read',
      '$JS.API.STREAM.MSG.GET.JOBS',
      '$JS.API.STREAM.MSG.GET.DELAYED',
      '$JS.API.STREAM.MSG.GET.EVENTS',
    ],
    ['breaks', 'dead letters cannot be read', '$JS.API.STREAM.MSG.GET.DEAD'],
    ['weakens', 'dead letters are read one by one', '$JS.API.DIRECT.GET.DEAD'],
    ['breaks', 'the history of a job cannot be read', '$JS.API.DIRECT.GET.EVENTS'],
    [
      'breaks',
      'jobs cannot be followed and listed',
      '$JS.API.STREAM.INFO.EVENTS',
      '$JS.API.CONSUMER.CREATE.EVENTS.*.events.>',
      '$JS.API.CONSUMER.MSG.NEXT.EVENTS.*',
    ],
    ['weakens', 'consumers stay for a while after their use', '$JS.API.CONSUMER.DELETE.EVENTS.*'],
    ['breaks', 'waiting jobs cannot be cancelled', '$JS.API.CONSUMER.LIST.JOBS'],
    [
      'breaks',
      'cancelled jobs stay in the queue',
      '$JS.API.STREAM.MSG.DELETE.JOBS',
      '$JS.API.STREAM.MSG.DELETE.DELAYED',
    ],
    ['weakens', 'delayed jobs may fill the store', '$JS.API.STREAM.INFO.JOBS', '$JS.API.STREAM.INFO.DELAYED'],
    ['breaks', 'redriven jobs stay among the dead letters', '$JS.API.STREAM.PURGE.DEAD'],
    [
      'breaks',
      'operations are not known',
      '$JS.API.STREAM.MSG.GET.KV_OPERATIONS',
      '$JS.API.CONSUMER.CREATE.KV_OPERATIONS.*.$KV.OPERATIONS.>',
    ],
    [
      'weakens',
      'it is not known which hosts are alive',
      '$JS.API.STREAM.MSG.GET.KV_HOSTS',
      '$JS.API.CONSUMER.CREATE.KV_HOSTS.*.$KV.HOSTS.>',
    ],
    [
      'weakens',
      'NATS may stop sending after many messages',
      '$JS.FC.KV_OPERATIONS.*.*',
      '$JS.FC.*.*.KV_OPERATIONS.*.*',
      '$JS.FC.KV_HOSTS.*.*',
      '$JS.FC.*.*.KV_HOSTS.*.*',
    ],
    ['weakens', 'a missing permission is found only when it is needed', USER_INFO],
    ['weakens', LOST_TO_TRACING, BROKER_TRACES],
  ]),
  ...permissions('subscribe', [
    ['breaks', 'no answer of NATS arrives', `${INBOX.edge}.>`],
    ['breaks', 'a request that waits for a result learns of it late', 'events.*.*'],
  ]),
];
