import { describe, expect, it } from 'vitest';
import type { EventKind } from '../../shared/job/event.ts';
import type { SpanRecord } from '../../shared/trace/span-record.ts';
import { checkLedger } from './checks/check.ts';
import type { Check } from './checks/violation.ts';
import type {
  AnswerEntry,
  AttemptEntry,
  DeadEntry,
  EffectEntry,
  EventEntry,
  FaultEntry,
  LedgerRecord,
  LoadEntry,
  SampleEntry,
} from './ledger/ledger.ts';

const TRACE = 'a'.repeat(32);
const OTHER = 'b'.repeat(32);

function attempt(key: string, more: Partial<AttemptEntry> = {}): AttemptEntry {
  return {
    type: 'attempt',
    key,
    jobId: `job-${key}`,
    bodyHash: 'h',
    traceId: TRACE,
    sampled: false,
    at: 10,
    ...more,
  };
}
function accepted(key: string, more: Partial<AnswerEntry> = {}): AnswerEntry {
  const job = { jobId: `job-${key}`, traceId: TRACE };
  return { type: 'answer', key, outcome: 'accepted', status: 202, ...job, at: 20, ...more };
}
function refused(key: string): AnswerEntry {
  return { type: 'answer', key, outcome: 'refused', status: 503, code: 'stream-full', at: 20 };
}
function unanswered(key: string): AnswerEntry {
  return { type: 'answer', key, outcome: 'unknown', status: 0, at: 20 };
}
// The entries of job `1` come first.
let sequence = 10;
function event(key: string, kind: EventKind, more: Partial<EventEntry> = {}): EventEntry {
  sequence++;
  const trace = { traceId: TRACE, carriedTraceId: TRACE };
  return {
    type: 'event',
    jobId: `job-${key}`,
    kind,
    attempt: 1,
    redriveCount: 0,
    sequence,
    at: 40,
    worker: 'w',
    ...trace,
    ...more,
  };
}
function dead(key: string): DeadEntry {
  return { type: 'dead', jobId: `job-${key}`, sequence: 1, at: 40 };
}
function effect(key: string, phase: EffectEntry['phase'], more: Partial<EffectEntry> = {}): EffectEntry {
  return { jobId: `job-${key}`, attempt: 1, phase, at: 30, pid: 1, traceId: TRACE, ...more };
}
function ran(key: string, more: Partial<EffectEntry> = {}): EffectEntry[] {
  return [effect(key, 'begin', more), effect(key, 'end', more)];
}
function sample(more: Partial<SampleEntry>): SampleEntry {
  return { type: 'sample', at: 25, outbox: 0, queued: 0, eventsSequence: 0, ...more };
}

/** A run in which job `1` went well, with more entries. */
function record(more: {
  load?: LoadEntry[];
  collected?: (EventEntry | DeadEntry)[];
  effects?: EffectEntry[];
  spans?: SpanRecord[];
  drainMs?: number | undefined;
}): LedgerRecord {
  return {
    load: [attempt('1'), accepted('1'), ...(more.load ?? [])],
    collected: [
      event('1', 'started', { sequence: 1 }),
      event('1', 'succeeded', { sequence: 2 }),
      ...(more.collected ?? []),
    ],
    effects: [...ran('1'), ...(more.effects ?? [])],
    spans: more.spans,
    drainMs: 'drainMs' in more ? more.drainMs : 100,
  };
}

function failing(given: LedgerRecord): [Check, string][] {
  return checkLedger(given, { drainBoundMs: 1_000 }).violations.map(({ check, about }) => [check, about]);
}

it('finds nothing in a run in which all went well', () => {
  const report = checkLedger(record({ load: [sample({ queued: 1 })] }), { drainBoundMs: 1_000 });
  expect(report.violations).toEqual([]);
  expect(report.counts).toMatchObject({
    keys: 1,
    accepted: 1,
    refused: 0,
    unknown: 0,
    executions: 1,
    samples: 1,
    drainMs: 100,
    lost: { prefix: 0, middle: 0, postfix: 0 },
    ends: { succeeded: 1, failed: 0, cancelled: 0 },
  });
});

describe('L1 lost', () => {
  it('an accepted job without an end, counted by its place among the accepted jobs', () => {
    const load = ['0', '2', '3', '4'].flatMap((key) => [attempt(key), accepted(key)]);
    const given = record({ collected: [event('3', 'started'), event('3', 'succeeded')], effects: ran('3') });
    const all = { ...given, load: [...load.slice(0, 2), ...given.load, ...load.slice(2)] };
    const { violations, counts } = checkLedger(all, { drainBoundMs: 1_000 });
    expect(violations.map(({ check }) => check)).toEqual(['L1', 'L1', 'L1']);
    expect(counts.lost).toEqual({ prefix: 1, middle: 1, postfix: 1 });
  });
});

describe('L2 one end', () => {
  it('a second end', () => {
    expect(failing(record({ collected: [event('1', 'succeeded')] })).map(([check]) => check)).toContain('L2');
  });

  it('an end that the collector saw twice is one end', () => {
    const end = event('1', 'succeeded');
    expect(failing({ ...record({}), collected: [end, end] })).toEqual([]);
  });

  it('an end after another redrive', () => {
    const collected = [
      event('2', 'failed'),
      event('2', 'redriven', { redriveCount: 1, attempt: 0 }),
      event('2', 'succeeded', { redriveCount: 1 }),
    ];
    const more = { load: [attempt('2'), accepted('2')], effects: ran('2') };
    expect(failing(record({ ...more, collected: [...collected, dead('2')] }))).toEqual([]);
  });

  it('a failed job that is not in the dead letters, and one there that did not fail', () => {
    const load = [attempt('2'), accepted('2')];
    expect(failing(record({ load, collected: [event('2', 'failed')] }))).toEqual([
      ['L2', 'job-2 failed and is not in the dead letters'],
    ]);
    expect(failing(record({ collected: [dead('1')] }))).toEqual([
      ['L2', 'job-1 is in the dead letters and did not fail'],
    ]);
  });
});

it('L3 unexpected: a job that no answer ever named', () => {
  expect(failing(record({ effects: ran('9') }))).toEqual([
    ['L3', 'job-9 was run, and no answer ever named it'],
  ]);
});

describe('L4 one job per key', () => {
  it('a key that stands for two jobs', () => {
    const load = [attempt('1'), accepted('1', { jobId: 'job-2' })];
    const more = { collected: [event('2', 'succeeded')], effects: ran('2') };
    expect(failing(record({ load, ...more }))).toEqual([['L4', '1 stands for job-1 and job-2']]);
  });

  it('two keys for one job', () => {
    const load = [attempt('2'), accepted('2', { jobId: 'job-1' })];
    expect(failing(record({ load }))).toEqual([['L4', 'job-1 was given to 1 and 2']]);
  });

  it('an unknown that is never resolved; one that is', () => {
    const load = [attempt('2'), unanswered('2')];
    expect(failing(record({ load }))).toEqual([['L4', '2 was never resolved']]);
    expect(failing(record({ load: [...load, attempt('2'), refused('2')] })).length).toBe(1);
    const resolved = { collected: [event('2', 'succeeded')], effects: ran('2') };
    expect(failing(record({ load: [...load, attempt('2'), accepted('2')], ...resolved }))).toEqual([]);
  });
});

describe('L5 executions', () => {
  it('a job that succeeded and was never executed, or not to its end', () => {
    const given = record({ load: [attempt('2'), accepted('2')], collected: [event('2', 'succeeded')] });
    const about = 'job-2 succeeded, and attempt 1 was never executed to its end';
    expect(failing(given)).toEqual([['L5', about]]);
    expect(failing({ ...given, effects: [...given.effects, effect('2', 'begin')] })).toEqual([['L5', about]]);
    const other = ran('2', { attempt: 2 });
    expect(failing({ ...given, effects: [...given.effects, ...other] })).toEqual([['L5', about]]);
  });

  it('a job that was started after its end was stored', () => {
    expect(failing(record({ effects: [effect('1', 'begin', { at: 41, pid: 7 })] }))).toEqual([
      ['L5', 'job-1 was started by 7 1 ms after its end was stored (succeeded by w)'],
    ]);
  });

  it('started again before its end is a duplicate, counted by its cause', () => {
    const again = (more: { load?: LoadEntry[]; collected?: EventEntry[] }) =>
      checkLedger(record({ ...more, effects: ran('1', { at: 35, pid: 2 }) }), { drainBoundMs: 1_000 });
    const fault = { type: 'fault', name: 'kill', at: 32 } as const;
    const none = { attempt: 0, worker: 0, broker: 0, unexplained: 0 };
    const cases: [Parameters<typeof again>[0], Partial<typeof none>][] = [
      [{}, { unexplained: 1 }],
      [{ load: [{ ...fault, target: 'worker', pid: 1 }] }, { worker: 1 }],
      [{ load: [{ ...fault, target: 'worker', pid: 2 }] }, { worker: 1 }],
      [{ load: [{ ...fault, target: 'worker', pid: 3 }] }, { unexplained: 1 }],
      [{ load: [{ ...fault, target: 'worker', pid: 1, at: 29 }] }, { unexplained: 1 }],
      [{ load: [{ ...fault, target: 'nats' } satisfies FaultEntry] }, { broker: 1 }],
    ];
    for (const [more, expected] of cases) {
      const { violations, counts } = again(more);
      expect(violations).toEqual([]);
      expect(counts.again).toEqual({ ...none, ...expected });
    }
    const retried = {
      ...record({ effects: ran('1', { at: 35, attempt: 2 }) }),
      collected: [
        event('1', 'started'),
        event('1', 'retrying', { at: 32 }),
        event('1', 'started', { attempt: 2 }),
        event('1', 'succeeded', { attempt: 2 }),
      ],
    };
    expect(checkLedger(retried, { drainBoundMs: 1_000 })).toMatchObject({
      violations: [],
      counts: { again: { ...none, attempt: 1 } },
    });
  });
});

it('L6 refused: a key that was only ever refused has no job', () => {
  const load = [attempt('2'), refused('2')];
  expect(failing(record({ load }))).toEqual([]);
  const given = record({ load, collected: [event('2', 'succeeded')], effects: ran('2') });
  expect(failing(given)).toContainEqual(['L6', '2 was refused, and job-2 exists']);
});

it('L7 conservation: a sample in which an accepted job is nowhere', () => {
  expect(failing(record({ load: [sample({ at: 19 })] }))).toEqual([]);
  expect(failing(record({ load: [sample({ outbox: 1 })] }))).toEqual([]);
  const given = record({});
  const end = given.collected.at(-1)?.sequence ?? 0;
  expect(failing({ ...given, load: [...given.load, sample({ eventsSequence: end })] })).toEqual([]);
  expect(failing({ ...given, load: [...given.load, sample({ eventsSequence: end - 1 })] })).toEqual([
    ['L7', '1 accepted, but 0 in the outbox + 0 queued + 0 ended at 1970-01-01T00:00:00.025Z'],
  ]);
});

describe('L8 forward only', () => {
  it('an event after an end', () => {
    expect(failing(record({ collected: [event('1', 'progress')] }))).toEqual([
      ['L8', 'job-1: progress (attempt 1) after succeeded (attempt 1)'],
    ]);
  });

  it('an earlier attempt, unless the job was handed back', () => {
    const steps = (kind: EventKind) => ({
      ...record({ effects: ran('1', { attempt: 2 }) }),
      collected: [
        event('1', 'started', { attempt: 2 }),
        event('1', kind, { attempt: 1 }),
        event('1', 'succeeded', { attempt: 2 }),
      ],
    });
    expect(failing(steps('progress')).map(([check]) => check)).toEqual(['L8']);
    expect(failing(steps('released'))).toEqual([]);
  });

  it('an event of an attempt that lost the job, unless it is the end', () => {
    const overtaken = (kind: EventKind) => ({
      ...record({}),
      collected: [
        event('1', 'started'),
        event('1', 'started', { attempt: 2 }),
        event('1', kind),
        ...(kind === 'succeeded' ? [] : [event('1', 'succeeded')]),
      ],
    });
    expect(failing(overtaken('succeeded'))).toEqual([]);
    for (const kind of ['started', 'progress', 'retrying'] as const)
      expect(failing(overtaken(kind))).toEqual([
        ['L8', `job-1: ${kind} (attempt 1) after started (attempt 2)`],
      ]);
  });
});

describe('L9 one trace', () => {
  it.each([
    ['its answer', () => ({ ...record({}), load: [attempt('1'), accepted('1', { traceId: OTHER })] })],
    ['the event succeeded', () => withEnd({ traceId: OTHER })],
    ['the traceparent of succeeded', () => withEnd({ carriedTraceId: OTHER })],
    ['execution 1', () => ({ ...record({}), effects: ran('1', { traceId: OTHER }) })],
  ])('%s of another trace than the request', (place, given) => {
    expect(failing(given())).toEqual([
      ['L9', `job-1: ${place} is of trace ${OTHER}, the request of ${TRACE}`],
    ]);
  });

  function withEnd(more: Partial<EventEntry>): LedgerRecord {
    return { ...record({}), collected: [event('1', 'succeeded', more)] };
  }

  const bridge = span('call', { kind: 'CLIENT' });
  const send = span('send chaos.work', { kind: 'PRODUCER', parentSpanId: bridge.spanId });
  const run = span('process chaos.work', { kind: 'CONSUMER', parentSpanId: send.spanId });
  const sampled = (spans: SpanRecord[], more: LoadEntry[] = []): LedgerRecord => ({
    ...record({ spans }),
    load: [attempt('1', { sampled: true }), accepted('1'), ...more],
  });

  it('a chain of spans that is broken', () => {
    expect(failing(sampled([bridge, send, run]))).toEqual([]);
    expect(failing(sampled([bridge, send]))).toEqual([['L9', 'job-1: no "process" span arrived']]);
    expect(failing(sampled([bridge, run]))).toEqual([
      ['L9', 'job-1: "process" is no child of a "send" span that arrived'],
    ]);
    expect(failing(sampled([send, run]))).toEqual([['L9', 'job-1: the parent of "send" did not arrive']]);
  });

  it('does not ask for spans that were lost with a killed process', () => {
    const killed = { type: 'fault', name: 'kill', target: 'worker', pid: 1, at: 50 } as const;
    expect(failing(sampled([bridge, send], [killed]))).toEqual([]);
    expect(failing(sampled([bridge, send], [{ ...killed, pid: 2 }])).length).toBe(1);
    expect(failing(sampled([bridge, run], [{ ...killed, target: 'edge' }]))).toEqual([]);
  });
});

it('L10 drain: too late, or never', () => {
  expect(failing(record({ drainMs: 1_001 }))).toEqual([['L10', 'quiet after 1001 ms, not 1000']]);
  expect(failing(record({ drainMs: undefined }))).toEqual([['L10', 'not quiet within 1000 ms']]);
});

describe('L11 order', () => {
  const key = { orderingKey: 'a' };
  /** Two jobs of a key, sent one after the other or as a batch, of which `2` begins before `1` has ended. */
  const overlapping = (load: LoadEntry[]): LedgerRecord => ({
    ...record({}),
    load,
    collected: [
      event('1', 'started', { sequence: 1 }),
      event('2', 'started', { sequence: 2 }),
      event('1', 'succeeded', { sequence: 3 }),
      event('2', 'succeeded', { sequence: 4 }),
    ],
    effects: [...ran('1'), ...ran('2')],
  });
  const first = attempt('1', key);
  const second = attempt('2', key);

  it('a job that began before an elder one of its key had ended', () => {
    const load = [first, accepted('1'), second, accepted('2')];
    expect(failing(overlapping(load))).toEqual([['L11', 'key a: job-2 began before job-1 had ended']]);
    const other = attempt('2', { orderingKey: 'b' });
    expect(failing(overlapping([first, accepted('1'), other, accepted('2')]))).toEqual([]);
  });

  it('an execution that began while an elder one ran, whatever the events say', () => {
    const given = overlapping([first, accepted('1'), second, accepted('2')]);
    const collected = given.collected.toSorted((a, b) => a.jobId.localeCompare(b.jobId));
    const inOrder = collected.map((entry, place) => ({ ...entry, sequence: place + 1 }));
    const begin = effect('1', 'begin', { at: 30 });
    const end = effect('1', 'end', { at: 35 });
    const found = { ...given, collected: inOrder, effects: [begin, ...ran('2', { at: 33 }), end] };
    expect(failing(found).map(([check]) => check)).toEqual(['L11']);
  });

  it('two jobs of one batch have the order of the batch', () => {
    const batch = ['q/0', 'q/1'].map((place, n) => attempt(place, { ...key, jobId: `job-${n + 1}` }));
    const answers = ['q/0', 'q/1'].map((place, n) => accepted(place, { jobId: `job-${n + 1}` }));
    expect(failing(overlapping([...batch, ...answers])).map(([check]) => check)).toEqual(['L11']);
    // The first answer of a batch that was sent twice may be lost.
    expect(failing(overlapping([...batch, ...batch, ...answers]))).toEqual([]);
  });

  it('two jobs that were under way at the same time have no order', () => {
    expect(failing(overlapping([first, second, accepted('1'), accepted('2')]))).toEqual([]);
  });
});

function span(name: string, more: Partial<SpanRecord>): SpanRecord {
  return {
    service: 's',
    name,
    kind: 'INTERNAL',
    traceId: TRACE,
    spanId: name.padEnd(16, '0').slice(0, 16),
    startMs: 0,
    durationMs: 1,
    status: 'UNSET',
    events: [],
    links: [],
    attributes: { 'throughline.job.id': 'job-1' },
    ...more,
  };
}
