import { describe, expect, it } from 'vitest';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { spanFaults } from '../../support/spans/check-spans.ts';

const TRACE = 'a'.repeat(32);
const EVENTS = 'events.{tenant}.{jobId}';

type Changes = { [Key in keyof SpanRecord]?: SpanRecord[Key] | undefined };

function span(more: Changes = {}): SpanRecord {
  return {
    service: 'throughline-bridge',
    name: `receive ${EVENTS}`,
    kind: 'CLIENT',
    traceId: TRACE,
    spanId: '1'.repeat(16),
    parentSpanId: '2'.repeat(16),
    startMs: 1_000,
    durationMs: 5,
    status: 'UNSET',
    events: [],
    links: [],
    scope: { name: 'throughline-bridge', version: '', schemaUrl: '' },
    attributes: ATTRIBUTES,
    ...more,
  } as SpanRecord;
}

const ATTRIBUTES = {
  'messaging.system': 'nats',
  'messaging.operation.type': 'receive',
  'messaging.operation.name': 'receive',
  'messaging.destination.name': 'events.acme.job-1',
  'messaging.destination.template': EVENTS,
  'throughline.job.id': 'job-1',
  'throughline.job.outcome': 'succeeded',
};

const { 'throughline.job.id': _, ...withoutId } = ATTRIBUTES;
const parent = (more: Changes) => span({ spanId: '2'.repeat(16), ...more });
const library = { service: 'throughline-worker', scope: { name: 'a library', version: '', schemaUrl: '' } };

describe('a span that is as the table says', () => {
  it('has no faults', () => {
    expect(spanFaults([span()])).toEqual([]);
  });

  it('may be of a library, within a job', () => {
    expect(spanFaults([span({ ...library, name: 'GET' })])).toEqual([]);
  });
});

describe('a span that is not as the table says', () => {
  it.each<[string, Changes, string]>([
    ['an unknown name', { name: 'receive' }, 'no span of this name is in the table (CLIENT)'],
    ['a wrong kind', { kind: 'CONSUMER' }, 'its kind is CONSUMER, not CLIENT'],
    ['a status that it cannot have', { status: 'ERROR' }, 'its status is ERROR'],
    ['a negative duration', { durationMs: -1 }, 'it ends before it starts'],
    ['no parent', { parentSpanId: undefined }, 'it has no parent'],
    ['an attribute that is missing', { attributes: withoutId }, 'throughline.job.id is missing'],
    [
      'an attribute that is not in its row',
      { attributes: { ...ATTRIBUTES, 'net.colo': 'x' } },
      'net.colo ("x") is not in its row',
    ],
    [
      'an attribute of another type',
      { attributes: { ...ATTRIBUTES, 'throughline.job.id': 7 } },
      'throughline.job.id is 7, not "string"',
    ],
    [
      'a value that is none of the values',
      { attributes: { ...ATTRIBUTES, 'messaging.system': 'kafka' } },
      'messaging.system is "kafka", not ["nats"]',
    ],
  ])('is told: %s', (_case, more, fault) => {
    const broken = span(more);
    expect(spanFaults([broken])).toEqual([`throughline-bridge "${broken.name}": ${fault}`]);
  });

  it('is told: a parent or a link of the wrong kind', () => {
    const outbox = parent({ name: 'wait in outbox', kind: 'INTERNAL' });
    const links = [{ traceId: TRACE, spanId: outbox.spanId }];
    expect(spanFaults([span({ links }), outbox])).toEqual(
      expect.arrayContaining([
        `throughline-bridge "receive ${EVENTS}": the parent is throughline-bridge "wait in outbox"`,
        `throughline-bridge "receive ${EVENTS}": a link is throughline-bridge "wait in outbox"`,
      ]),
    );
  });

  it('is told: a library’s span that begins a trace in the worker', () => {
    const root = span({ ...library, name: 'tcp.connect', parentSpanId: undefined });
    expect(spanFaults([root])).toEqual([
      'throughline-worker "tcp.connect": it has no parent (scope a library)',
    ]);
  });
});
