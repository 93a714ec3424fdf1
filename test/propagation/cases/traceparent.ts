import assert from 'node:assert/strict';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { type ExtractReason, extract, inject } from '../../../shared/propagation/index.ts';
import { type Case, read, reader, SENT, SPAN_ID, TRACE_ID, TRACEPARENT, withSpan } from '../support.ts';

const IDS = `${TRACE_ID}-${SPAN_ID}`;

/** The rule, the value, and the flags that are kept and sent. */
export const GOOD: readonly (readonly [rule: string, value: string, flags: string])[] = [
  ['flags 00 stay 00', `00-${IDS}-00`, '00'],
  ['flags 01, sampled, stay 01', `00-${IDS}-01`, '01'],
  ['flags 02, random, stay 02', `00-${IDS}-02`, '02'],
  ['flags 03 stay 03', `00-${IDS}-03`, '03'],
  ['flags ff are masked to 03 and written with two digits', `00-${IDS}-ff`, '03'],
  ['flags 04, reserved, are masked to 00', `00-${IDS}-04`, '00'],
  ['flags 0a are masked to 02', `00-${IDS}-0a`, '02'],
  ['flags 0d are masked to 01', `00-${IDS}-0d`, '01'],
  ['flags f0 are masked to 00', `00-${IDS}-f0`, '00'],
  ['version cc is read as far as 00 allows and sent as 00', `cc-${IDS}-01`, '01'],
  ['version 01 with more fields is read', `01-${IDS}-03-what-the-future-will-be-like`, '03'],
  ['version fe is read', `fe-${IDS}-01`, '01'],
  ['version cc with nothing after its last dash is read', `cc-${IDS}-01-`, '01'],
  ['version cc of 512 characters is read', `cc-${IDS}-01-`.padEnd(512, 'x'), '01'],
  ['white space around the value is not part of it', `\t ${TRACEPARENT} \t`, '01'],
];

const XX = '0123456789abcdef'.repeat(2);

/** The rule, the value or the lines, and why it is refused. */
export const BAD: readonly (readonly [rule: string, value: string | string[], reason: ExtractReason])[] = [
  ['an empty value is rejected', '', 'malformed'],
  ['a blank value is rejected', ' \t ', 'malformed'],
  ['another format is rejected', `${TRACE_ID}:${SPAN_ID}:0:1`, 'malformed'],
  ['54 characters are rejected', `00-${IDS}-0`, 'malformed'],
  ['a version of one digit is rejected', `0-${IDS}-01`, 'malformed'],
  ['a version of three digits is rejected', `000-${IDS}-01`, 'malformed'],
  ['a version that is no hex number is rejected', `0.-${IDS}-01`, 'malformed'],
  ['an uppercase version is rejected', `CC-${IDS}-01`, 'malformed'],
  ['version ff is rejected', `ff-${IDS}-01`, 'version-ff'],
  ['version ff with more fields is rejected', `ff-${IDS}-01-more`, 'version-ff'],
  ['a trace id of zeros is rejected', `00-${'0'.repeat(32)}-${SPAN_ID}-01`, 'zero-trace-id'],
  ['a trace id of 31 digits is rejected', `00-${XX.slice(1)}-${SPAN_ID}-01`, 'malformed'],
  ['a trace id of 33 digits is rejected', `00-${XX}0-${SPAN_ID}-01`, 'malformed'],
  ['an uppercase trace id is rejected', `00-${XX.toUpperCase()}-${SPAN_ID}-01`, 'malformed'],
  ['a trace id with a dot first is rejected', `00-.${XX.slice(1)}-${SPAN_ID}-01`, 'malformed'],
  ['a trace id with a dot last is rejected', `00-${XX.slice(1)}.-${SPAN_ID}-01`, 'malformed'],
  ['a trace id with a letter g is rejected', `00-g${XX.slice(1)}-${SPAN_ID}-01`, 'malformed'],
  ['a trace id with a full-width digit is rejected', `00-\uff10${XX.slice(1)}-${SPAN_ID}-01`, 'malformed'],
  ['a parent id of zeros is rejected', `00-${TRACE_ID}-${'0'.repeat(16)}-01`, 'zero-parent-id'],
  ['a parent id of 15 digits is rejected', `00-${TRACE_ID}-${SPAN_ID.slice(1)}-01`, 'malformed'],
  ['a parent id of 17 digits is rejected', `00-${TRACE_ID}-${SPAN_ID}0-01`, 'malformed'],
  ['an uppercase parent id is rejected', `00-${TRACE_ID}-${SPAN_ID.toUpperCase()}-01`, 'malformed'],
  ['a parent id with a blank is rejected', `00-${TRACE_ID}- ${SPAN_ID.slice(1)}-01`, 'malformed'],
  ['flags of one digit are rejected', `00-${IDS}-1`, 'malformed'],
  ['flags of three digits are rejected', `00-${IDS}-001`, 'extra-data'],
  ['flags that are no hex number are rejected', `00-${IDS}-.0`, 'malformed'],
  ['uppercase flags are rejected', `00-${IDS}-0A`, 'malformed'],
  ['missing flags are rejected', `00-${IDS}`, 'malformed'],
  ['underscores for dashes are rejected', TRACEPARENT.replaceAll('-', '_'), 'malformed'],
  ['version 00 with a fifth field is rejected', `${TRACEPARENT}-extra`, 'extra-data'],
  ['version 00 with a dash at its end is rejected', `${TRACEPARENT}-`, 'extra-data'],
  ['version 00 with a dot at its end is rejected', `${TRACEPARENT}.`, 'extra-data'],
  ['a line break at the end is no white space', `${TRACEPARENT}\n`, 'extra-data'],
  ['a line break at the start is no white space', `\r\n${TRACEPARENT}`, 'malformed'],
  ['a no-break space at the end is no white space', `${TRACEPARENT}\u00a0`, 'extra-data'],
  ['version cc with other than a dash after its flags is rejected', `cc-${IDS}-01.more`, 'malformed'],
  ['version cc of 54 characters is rejected', `cc-${IDS}-0`, 'malformed'],
  ['513 characters are rejected unread', `cc-${IDS}-01-`.padEnd(513, 'x'), 'too-long'],
  ['100,000 characters are rejected unread', `cc-${IDS}-01-`.padEnd(100_000, 'x'), 'too-long'],
  ['two lines are rejected', [TRACEPARENT, `00-${XX}-${SPAN_ID}-01`], 'repeated'],
  ['the same line twice is rejected', [TRACEPARENT, TRACEPARENT], 'repeated'],
  ['a good and an empty line are rejected', [TRACEPARENT, ''], 'repeated'],
  ['two lines that a proxy joined are rejected', `${TRACEPARENT}, ${TRACEPARENT}`, 'repeated'],
  ['joined lines of a later version are rejected', `cc-${IDS}-01-a,cc-${IDS}-01-b`, 'repeated'],
];

const good = GOOD.map(
  ([rule, value, flags]): Case => ({
    name: `traceparent: ${rule}`,
    run() {
      const { context, outcome, reason, spanContext } = read({ traceparent: value });
      assert.deepEqual({ outcome, reason }, { outcome: 'continued', reason: undefined });
      const expected = { traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: Number(flags), isRemote: true };
      assert.deepEqual(spanContext, expected);
      assert.equal(trace.getSpanContext(context), spanContext);
      assert.deepEqual(inject(context), { traceparent: `00-${IDS}-${flags}` });
    },
  }),
);

const bad = BAD.map(
  ([rule, traceparent, expected]): Case => ({
    name: `traceparent: ${rule}`,
    run() {
      const { context, outcome, reason, spanContext, dropped } = read({ traceparent, tracestate: 'a=1' });
      assert.deepEqual({ outcome, reason }, { outcome: 'invalid', reason: expected });
      assert.equal(spanContext, undefined);
      assert.equal(trace.getSpanContext(context), undefined);
      assert.deepEqual(inject(context), {});
      assert.deepEqual(dropped, { tracestateMembers: 0, baggageMembers: 0 });
    },
  }),
);

const rules: Case[] = [
  {
    name: 'traceparent: none is absent, without a reason',
    run() {
      const { context, outcome, reason, spanContext } = read({ tracestate: 'a=1' });
      assert.deepEqual(
        { outcome, reason, spanContext },
        { outcome: 'absent', reason: undefined, spanContext: undefined },
      );
      assert.equal(context, ROOT_CONTEXT);
    },
  },
  {
    name: 'traceparent: an invalid one leaves the span of the base context alone',
    run() {
      const base = withSpan({ traceId: XX });
      assert.equal(read({ traceparent: 'broken' }, base).context, base);
      assert.equal(read({}, base).context, base);
    },
  },
  {
    name: 'traceparent: a good one replaces the span of the base context',
    run() {
      const { context } = read({ traceparent: TRACEPARENT }, withSpan({ traceId: XX }));
      assert.equal(trace.getSpanContext(context)?.traceId, TRACE_ID);
    },
  },
  {
    name: 'traceparent: a reader that throws is invalid and unreadable, and no more than that',
    run() {
      const { outcome, reason, dropped } = extract(() => {
        throw new Error('no headers here');
      });
      assert.deepEqual({ outcome, reason }, { outcome: 'invalid', reason: 'unreadable' });
      assert.deepEqual(dropped, { tracestateMembers: 0, baggage: 'unreadable', baggageMembers: 0 });
    },
  },
  {
    name: 'traceparent: a reader that fails on another field does not harm it',
    run() {
      const row = reader({ traceparent: TRACEPARENT });
      const { outcome, dropped } = extract((name) => {
        if (name !== 'traceparent') throw new Error('broken');
        return row(name);
      });
      assert.equal(outcome, 'continued');
      assert.equal(dropped.tracestate, 'unreadable');
      assert.equal(dropped.baggage, 'unreadable');
    },
  },
  {
    name: 'traceparent: a reader that gives no strings is unreadable',
    run() {
      for (const values of [undefined, null, 5, [5], [{}], [null, TRACEPARENT], [[TRACEPARENT]]]) {
        const { outcome } = extract(() => values as unknown as string[]);
        assert.equal(outcome, 'invalid', JSON.stringify(values));
      }
    },
  },
];

/** Span contexts that no carrier can hold. */
const UNSENDABLE = [
  ['an uppercase trace id', { traceId: TRACE_ID.toUpperCase() }],
  ['an uppercase span id', { spanId: 'ABCDEF0123456789' }],
  ['a trace id of zeros', { traceId: '0'.repeat(32) }],
  ['a span id of zeros', { spanId: '0'.repeat(16) }],
  ['a trace id with a letter g', { traceId: `g${TRACE_ID.slice(1)}` }],
  ['a span id with a letter g at its end', { spanId: `${SPAN_ID.slice(1)}g` }],
  ['a short trace id', { traceId: TRACE_ID.slice(1) }],
  ['a long span id', { spanId: `${SPAN_ID}0` }],
  ['a trace id with a line break', { traceId: `${TRACE_ID.slice(2)}\r\n` }],
  ['an id that is no string', { traceId: null as unknown as string }],
] as const;

const unsendable = UNSENDABLE.map(
  ([what, span]): Case => ({
    name: `traceparent: ${what} is never sent`,
    run() {
      assert.deepEqual(inject(withSpan(span)), {});
    },
  }),
);

const sent: Case[] = [
  {
    name: 'traceparent: any number for flags is sent as two digits',
    run() {
      for (const flags of [
        0,
        1,
        2,
        3,
        0xff,
        0x100,
        0x1ff,
        -1,
        1.5,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        undefined,
      ]) {
        const { traceparent } = inject(withSpan({ traceFlags: flags as number }));
        assert.match(traceparent ?? '', SENT.traceparent);
      }
      assert.equal(inject(withSpan({ traceFlags: 0xff })).traceparent, `00-${IDS}-03`);
    },
  },
  {
    name: 'traceparent: without a span nothing is sent',
    run() {
      assert.deepEqual(inject(ROOT_CONTEXT), {});
    },
  },
  {
    name: 'traceparent: a span that throws is not sent, and inject does not throw',
    run() {
      const span = trace.wrapSpanContext({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1 });
      span.spanContext = () => {
        throw new Error('broken span');
      };
      assert.deepEqual(inject(trace.setSpan(ROOT_CONTEXT, span)), {});
    },
  },
];

export const traceparentCases: Case[] = [...good, ...bad, ...rules, ...unsendable, ...sent];
