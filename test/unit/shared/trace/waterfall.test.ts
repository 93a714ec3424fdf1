import { describe, expect, it } from 'vitest';
import { SERVICE } from '../../../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../../../shared/trace/span-record.ts';
import { renderWaterfall } from '../../../../shared/trace/waterfall.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const START = 1_700_000_000_000;

/** A span of 10 ms that starts `atMs` after the trace. */
function span(spanId: string, atMs: number, more: Partial<SpanRecord> = {}): SpanRecord {
  return {
    service: 'throughline-edge',
    name: `span ${spanId}`,
    kind: 'INTERNAL',
    traceId: TRACE,
    spanId,
    startMs: START + atMs,
    durationMs: 10,
    status: 'UNSET',
    attributes: {},
    events: [],
    links: [],
    ...more,
  };
}

const render = (spans: SpanRecord[], width = 100): string => renderWaterfall(spans, { color: false, width });

/** The rows and notes, without the title and the header. */
const body = (spans: SpanRecord[], width?: number): string[] => render(spans, width).split('\n').slice(2);

const job: SpanRecord[] = [
  span('01', 0, { name: 'POST /v1/jobs', kind: 'SERVER', durationMs: 15.2 }),
  span('02', 1.2, { name: 'bridge.submit', kind: 'CLIENT', parentSpanId: '01', durationMs: 12 }),
  span('03', 2.5, {
    service: 'throughline-bridge',
    name: 'send image.thumbnail',
    kind: 'PRODUCER',
    parentSpanId: '02',
    durationMs: 9.7,
  }),
  span('04', 24, {
    service: 'throughline-worker',
    name: 'process image.thumbnail',
    kind: 'CONSUMER',
    parentSpanId: '03',
    durationMs: 50,
    status: 'ERROR',
    statusMessage: 'HTTP 503 from upstream',
    attributes: { 'throughline.job.queue_time_ms': 12, 'throughline.job.outbox_time_ms': 3_000.4 },
  }),
  span('05', 90, {
    service: 'throughline-worker',
    name: 'process image.thumbnail',
    kind: 'CONSUMER',
    parentSpanId: '03',
    links: [
      { traceId: TRACE, spanId: '04' },
      { traceId: 'f'.repeat(32), spanId: '9'.repeat(16) },
    ],
  }),
];

describe('a waterfall', () => {
  it('shows a job from the caller to its second attempt', () => {
    expect(render(job)).toBe(
      [
        'trace 4bf92f3577b34da6a3ce929d0e0e4736 · 5 spans · 3 services · 100.0 ms · 1 error',
        'service             span                                kind          start       time',
        'throughline-edge    POST /v1/jobs                       server      +0.0 ms    15.2 ms  ██',
        'throughline-edge    └─ bridge.submit                    client      +1.2 ms    12.0 ms  █',
        'throughline-bridge     └─ send image.thumbnail          producer    +2.5 ms     9.7 ms  █',
        'throughline-worker        ├─ ✗ process image.thumbnail  consumer   +24.0 ms    50.0 ms     ██████',
        '                          │     waited 3.00 s in the outbox',
        '                          │     waited 12 ms in the queue',
        '                          │     ✗ HTTP 503 from upstream',
        'throughline-worker        └─ process image.thumbnail    consumer   +90.0 ms    10.0 ms             █',
        '                                ↪ span 04',
        '                                ↪ trace ffffffffffffffffffffffffffffffff span 9999999999999999',
      ].join('\n'),
    );
  });

  it('shows no wait of a later attempt as one in the queue or in the outbox', () => {
    const waited = { 'throughline.job.queue_time_ms': 1_500, 'throughline.job.outbox_time_ms': 3_000 };
    const notes = (attempt: number) =>
      body([span('01', 0, { attributes: { ...waited, 'throughline.job.attempt': attempt } })]).slice(1);
    expect(notes(1).map((note) => note.trim())).toEqual([
      'waited 3.00 s in the outbox',
      'waited 1.50 s in the queue',
    ]);
    // Some of it was the pause before the retry, and its first attempt shows that the job was in the outbox.
    expect(notes(2).map((note) => note.trim())).toEqual([
      '1.50 s after the last event of the attempt before',
    ]);
  });

  it('says that there are no spans', () => {
    expect(render([])).toBe('no spans');
  });

  it('does not depend on the order of the spans', () => {
    const expected = render(job);
    expect(render([...job].reverse())).toBe(expected);
    const simultaneous = ['a', 'b', 'c'].map((id) => span(id, 0));
    expect(render([...simultaneous].reverse())).toBe(render(simultaneous));
  });

  it.each([72, 100, 160])('keeps within %i columns and aligns the times', (width) => {
    const lines = render(job, width).split('\n');
    for (const line of lines.slice(1)) expect([...line].length).toBeLessThanOrEqual(width);
    const ends = lines.filter((line) => / ms( |$)/.test(line) && line.startsWith('throughline'));
    expect(new Set(ends.map((line) => line.indexOf(' ms', line.indexOf('+') + 9)))).toHaveLength(1);
  });

  it('leaves the bars out if they do not fit', () => {
    expect(render(job, 72)).not.toContain('█');
  });

  it('shows a span without its parent as a root, and names the parent', () => {
    const lines = body([span('01', 0), span('02', 1, { parentSpanId: 'beef' })]);
    expect(lines[1]).toMatch(/^throughline-edge {2}span 02 /);
    expect(lines[2]).toContain('(parent beef not here)');
  });

  it.each([
    ['its own parent', [span('01', 0, { parentSpanId: '01' })]],
    [
      'two that are each other’s parent',
      [span('01', 0, { parentSpanId: '02' }), span('02', 1, { parentSpanId: '01' })],
    ],
    [
      'a loop beside a root',
      [
        span('00', 0),
        span('01', 1, { parentSpanId: '03' }),
        span('02', 2, { parentSpanId: '01' }),
        span('03', 3, { parentSpanId: '02' }),
      ],
    ],
  ])('ends, and shows each span once, when the parent ids make a loop: %s', (_case, spans) => {
    const text = render(spans);
    for (const { name } of spans) expect(text.split(`${name} `)).toHaveLength(2);
    expect(text).toContain('makes a loop');
  });

  it('shows both spans when two have the same id', () => {
    const lines = body([span('01', 0), span('01', 1), span('02', 2, { parentSpanId: '01' })]);
    expect(lines).toHaveLength(3);
  });

  it('draws a chain of thousands of spans within the width and without a stack overflow', () => {
    const chain = Array.from({ length: 5_000 }, (_, index) =>
      span(String(index + 1), index, index === 0 ? {} : { parentSpanId: String(index) }),
    );
    const lines = body(chain);
    expect(lines).toHaveLength(5_000);
    expect(lines.at(-1)).toContain('⋯4999 span ');
  });

  it.each([
    ['an escape sequence', '\u001b[2J\u001b]0;title\u0007', '\\x1b[2J\\x1b]0;title\\x07'],
    ['a line break', 'a\r\nb', 'a\\r\\nb'],
    ['a C1 control', 'a\u009bb', 'a\\x9bb'],
    ['text that reads backwards', 'a\u202eb', 'a\\u{202e}b'],
    ['half a character', 'a\ud800b', 'a\\u{d800}b'],
  ])('escapes %s', (_case, raw, escaped) => {
    const text = render([
      span('01', 0, {
        name: raw,
        service: raw,
        status: 'ERROR',
        statusMessage: raw,
        traceId: raw,
        parentSpanId: raw,
      }),
    ]);
    expect(text.split(escaped).length).toBeGreaterThanOrEqual(5);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
  });

  it.each(Object.values(SERVICE))('shows all of the name %s', (service) => {
    expect(body([span('01', 0, { service })])[0]).toMatch(new RegExp(`^${service} `));
  });

  it('counts wide characters as two columns', () => {
    const [wide = '', plain = ''] = body([
      span('01', 0, { name: '日本語' }),
      span('02', 0, { name: 'abcdef' }),
    ]);
    expect(wide.indexOf('internal')).toBe(plain.indexOf('internal') - 3);
  });

  it('has colours only if asked, and differs only in them', () => {
    const colored = renderWaterfall(job, { color: true });
    const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
    expect(colored).toMatch(escapes);
    const lines = colored.replaceAll(escapes, '').split('\n');
    expect(lines.map((line) => line.trimEnd()).join('\n')).toBe(render(job));
  });

  it('draws several traces one after the other', () => {
    const text = render([...job, span('01', 500, { traceId: 'b'.repeat(32) })]);
    expect(text.match(/^trace /gm)).toHaveLength(2);
  });

  it.each([
    [0, '0.0 ms'],
    [999.94, '999.9 ms'],
    [999.96, '1.00 s'],
    [59_999, '1m 0s'],
    [119_999, '2m 0s'],
    [7_200_000, '2.0 h'],
  ])('writes %d ms as %s', (durationMs, text) => {
    expect(body([span('01', 0, { durationMs })])[0]).toContain(` ${text}`);
  });
});
