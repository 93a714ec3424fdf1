import { Usage, UsageReport } from '../../../shared/api/usage.ts';
import { describe } from './describe.ts';

describe('Usage', Usage, {
  description: 'Jobs that have not ended.',
  fields: {
    jobs: 'How many they are.',
    bytes: 'The bytes of their inputs as JSON.',
    delayedJobs: 'How many of them wait for their time.',
    delayedBytes: 'The bytes of the inputs of those.',
  },
});

describe('UsageReport', UsageReport, {
  description: 'The usage of the tenant, and its quotas.',
  fields: { used: 'What its jobs take now.', quotas: 'What they may take. A job above a quota is refused.' },
});
