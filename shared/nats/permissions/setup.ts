import { INBOX } from '../../wire/subjects.ts';
import { PAUSE_SUBJECTS } from '../streams.ts';
import { type Permission, permissions, USER_INFO } from './permission.ts';

/** What the user of `throughline setup` must be allowed: a test compares it with `deploy/nats/permissions.conf`. */
export const SETUP_PERMISSIONS: readonly Permission[] = [
  ...permissions('publish', [
    ['breaks', 'JetStream cannot be used', '$JS.API.INFO'],
    ['breaks', 'missing streams cannot be made', '$JS.API.STREAM.CREATE.*'],
    ['breaks', 'wrong settings of streams cannot be changed', '$JS.API.STREAM.UPDATE.*'],
    ['breaks', 'streams cannot be checked', '$JS.API.STREAM.INFO.*'],
    [
      'breaks',
      'consumers cannot be checked',
      '$JS.API.CONSUMER.LIST.JOBS',
      '$JS.API.CONSUMER.LIST.CALLBACKS',
    ],
    [
      'weakens',
      'worker groups cannot be renamed and removed',
      '$JS.API.CONSUMER.CREATE.JOBS.*.jobs.>',
      '$JS.API.CONSUMER.CREATE.JOBS.*',
      '$JS.API.CONSUMER.INFO.JOBS.*',
      '$JS.API.CONSUMER.DELETE.JOBS.*',
      '$JS.API.STREAM.MSG.GET.KV_HOSTS',
    ],
    ['weakens', 'operations cannot be paused', PAUSE_SUBJECTS],
    ['weakens', 'it is not known which operations are paused', '$JS.API.STREAM.MSG.GET.KV_OPERATIONS'],
    ['weakens', 'missing permissions cannot be found', USER_INFO],
  ]),
  ...permissions('subscribe', [['breaks', 'no answer of NATS arrives', `${INBOX.setup}.>`]]),
];
