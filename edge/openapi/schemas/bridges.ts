import {
  BridgeStatus,
  Health,
  QuotaUse,
  Readiness,
  StreamRoom,
  UncheckedInputs,
} from '../../../shared/api/answers/health.ts';
import { OutboxItem, OutboxList, OutboxStatus } from '../../../shared/api/answers/outbox.ts';
import { describe } from './describe.ts';

describe('OutboxItem', OutboxItem, {
  description: 'An accepted job that NATS does not have.',
  fields: {
    id: "The job's id, or the id of its own that a job has from its first rejection on.",
    jobId: "The job's id. Absent if the stored job can no longer be read.",
    state: '`pending`: the job waits for NATS. `rejected`: NATS will not take the job.',
    operation: 'The operation of the job. Absent if the stored job can no longer be read.',
    addedAt: 'When the job was put into the outbox.',
    tries: 'How often it was sent to NATS.',
    reason: 'Why NATS rejected the job.',
  },
});

describe('OutboxList', OutboxList, {
  description: 'Accepted jobs that NATS does not have.',
  fields: { jobs: 'The jobs, in the order in which they are sent.' },
});

describe('OutboxStatus', OutboxStatus, {
  description: 'What the outbox of a bridge holds.',
  fields: {
    pending: 'How many jobs wait for NATS.',
    rejected: 'How many jobs NATS will not take.',
    published: 'How many jobs NATS has, and the bridge has not seen the end of.',
    bytes: 'The size of the outbox in bytes.',
    oldestAgeSeconds: 'How many seconds the oldest pending job has waited; 0 when no job is pending.',
  },
});

describe('Health', Health, {
  description: 'This Worker runs.',
  fields: { status: 'Always `ok`.' },
});

describe('UncheckedInputs', UncheckedInputs, {
  description:
    'How many inputs the bridge took without a whole check at the edge, since it started. The worker checks each input whole.',
  fields: {
    overBudget: 'The check would have taken more work than a request may take.',
    failed: 'The check itself failed.',
    rulesChanged: 'Workers announced other schemas again and again meanwhile.',
  },
});

describe('StreamRoom', StreamRoom, {
  description: 'How much jobs that wait take of the store of NATS.',
  fields: {
    bytes: 'How many bytes they take.',
    maxBytes:
      'How many bytes they may take; more jobs are refused with `stream-full`. Absent: there is no cap.',
  },
});

describe('QuotaUse', QuotaUse, {
  description:
    'How much of each quota is used by the tenant that has used most of it, as far as the bridge knows. 1: it is used up.',
  fields: {
    jobs: 'Jobs that have not ended.',
    bytes: 'The bytes of their inputs.',
    delayedJobs: 'Those of them that wait for their time.',
    delayedBytes: 'The bytes of the inputs of those.',
    storedBytes: 'The bytes of the events and dead letters of all its jobs.',
    outboxJobs: 'Jobs in the outbox.',
    outboxBytes: 'The bytes of those.',
    waits: 'Requests that wait for the end of a job.',
    streams: 'Open event streams.',
  },
});

describe('BridgeStatus', BridgeStatus, {
  description: 'The state of a bridge: the part of the edge that holds a connection to NATS.',
  fields: {
    bridge: 'The name of the bridge.',
    state: 'The state of its connection to NATS.',
    connections: 'How many connections it has opened so far.',
    roundTripMs: 'Milliseconds to NATS and back. Absent when NATS does not answer.',
    problems:
      'What the bridge does not get from NATS although NATS answers, a sentence for each: permissions, or that messages are stored.',
    warnings: 'The same for what the bridge can work without.',
    watchedJobs: 'How many jobs have their events followed now.',
    workerHosts: 'How many worker hosts are alive. Absent while that is not known.',
    unservedJobs:
      'How many jobs the bridge has accepted since it started while no worker host served their operation.',
    uncheckedInputs: 'How many inputs it took without a whole check.',
    queue: 'The jobs in the queue. Absent if NATS does not say.',
    delayed: 'The delayed jobs. Absent if NATS does not say.',
    quotaUse: 'How full the quotas of tenants are.',
    quotaRefusals: 'How many requests it has refused since it started, by the quota that was used up.',
    outbox: 'What its outbox holds.',
  },
});

describe('Readiness', Readiness, {
  description: 'This Worker runs, and NATS answers all of its bridges.',
  fields: { status: 'Always `ready`.', bridges: 'The state of each bridge.' },
});
