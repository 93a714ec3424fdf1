import { BridgeStatus, Health, Readiness } from '../../../shared/api/health.ts';
import { OutboxItem, OutboxList, OutboxStatus } from '../../../shared/api/outbox.ts';
import { describe } from './describe.ts';

describe('OutboxItem', OutboxItem, {
  description: 'An accepted job that NATS does not have.',
  fields: {
    id: "The job's id.",
    state: '`pending`: it waits for NATS. `rejected`: NATS will not take it.',
    operation: 'What it runs.',
    addedAt: 'Since when.',
    tries: 'How often it was sent.',
    reason: 'Why NATS rejected it.',
  },
});

describe('OutboxList', OutboxList, {
  description: 'Accepted jobs that NATS does not have.',
  fields: { jobs: 'In the order in which they wait.' },
});

describe('OutboxStatus', OutboxStatus, {
  description: 'What the outbox of a bridge holds.',
  fields: {
    pending: 'Jobs that wait for NATS.',
    rejected: 'Jobs that NATS will not take.',
    unsettled: 'Jobs that NATS has and whose end has not been seen.',
    bytes: 'How much it is.',
    oldestAgeSeconds: 'How long the oldest of them has waited.',
  },
});

describe('Health', Health, {
  description: 'This Worker runs.',
  fields: { status: 'Always `ok`.' },
});

describe('BridgeStatus', BridgeStatus, {
  description: 'How the bridge is connected to NATS.',
  fields: {
    bridge: 'Which bridge.',
    state: 'Of its connection.',
    connections: 'Connections that it has opened so far.',
    roundTripMs: 'Milliseconds to NATS and back; absent when it does not answer.',
    watchedJobs: 'Jobs whose events it follows now.',
    outbox: 'Accepted jobs that NATS does not have.',
  },
});

describe('Readiness', Readiness, {
  description: 'This Worker runs, and NATS answers its bridges.',
  fields: { status: 'Always `ready`.', bridges: 'Each of them.' },
});
