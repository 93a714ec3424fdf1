import { Quotas, UsageReport, WholeUsage } from '../../../shared/api/usage.ts';
import { describe } from './describe.ts';

const FIELDS = {
  jobs: 'Jobs that have not ended.',
  bytes: 'The bytes of their inputs as JSON.',
  delayedJobs: 'Those of them that wait for their time.',
  delayedBytes: 'The bytes of the inputs of those.',
  storedBytes: 'The bytes of the events and dead letters of all its jobs.',
  outboxJobs: 'Jobs in the outbox of a bridge.',
  outboxBytes: 'The bytes of those.',
  waits: 'Requests that wait for the end of a job, in a bridge.',
  streams: 'Open event streams of a bridge.',
  schedules: 'Schedules.',
};

describe('WholeUsage', WholeUsage, {
  description: 'What the tenant uses. If there are several bridges, the fullest one counts.',
  fields: FIELDS,
});

describe('Quotas', Quotas, {
  description:
    'How much the tenant may use. A request that exceeds a quota gets 429, with the name of the quota in `quota`.',
  fields: {
    ...FIELDS,
    requests: 'Requests per second; each job of a batch counts as one.',
  },
});

describe('UsageReport', UsageReport, {
  description: 'The usage of the tenant, and its quotas.',
  fields: { used: 'What it uses now.', quotas: 'How much it may use.' },
});
