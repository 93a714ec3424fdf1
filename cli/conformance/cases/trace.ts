/** The trace of a job. */
import { randomUUID } from 'node:crypto';
import { isSampled, isTraceId, newTraceparent, TRACEPARENT } from '../broker/traceparent.ts';
import { jobsOfEveryKind } from '../every-kind.ts';
import type { Bench } from '../bench.ts';
import type { SubmittedJob } from '../broker/submitted-job.ts';
import type { Sentence } from '../sentences.ts';
import type { WorkerCase } from './case.ts';

type Headers = SubmittedJob['headers'];

/** What the events of a job show of the context of its message. */
interface Context {
  /** The `traceparent` whose trace goes on; undefined: a new trace begins. */
  readonly parent: string | undefined;
  readonly tracestate: string;
  /** The members without their properties. */
  readonly baggage: string;
}

export const TRACE_CASES: readonly WorkerCase[] = [
  {
    name: 'trace',
    what: 'all events of a job are in the trace of its message',
    sentences: ['context-continue', 'context-own', 'context-event', 'context-flags'],
    run: async ({ run, findings }) => {
      const traceparent = newTraceparent();
      const job = await run('conformance.retry', { failures: 1 }, 'context-continue', {
        carrier: { traceparent },
      });
      const parentId = TRACEPARENT.exec(traceparent)?.[2];
      const spans = new Map<number, Set<string>>();
      for (const { body, values } of job.events) {
        const at = `${body.kind} ${body.attempt}`;
        const [header = ''] = values('traceparent');
        const [, traceId, , flags = ''] = TRACEPARENT.exec(header) ?? [];
        findings.check(
          'context-continue',
          body.traceId === job.job.traceId,
          `${at} has traceId ${body.traceId}`,
        );
        const found = `${at} has traceparent ${JSON.stringify(header)}, and traceId ${body.traceId}`;
        findings.check(
          'context-event',
          traceId === body.traceId && values('traceparent').length === 1,
          found,
        );
        findings.check('context-flags', isSampled(flags), `${at} has the flags "${flags}"`);
        const isSpan = /^(?!0{16})[0-9a-f]{16}$/.test(body.spanId) && body.spanId !== parentId;
        findings.check('context-event', isSpan, `${at} has spanId ${JSON.stringify(body.spanId)}`);
        spans.set(body.attempt, (spans.get(body.attempt) ?? new Set()).add(body.spanId));
      }
      const all = [...spans.values()].map((ids) => [...ids].join(' and '));
      const areApart = new Set(all).size === spans.size && all.every((ids) => !ids.includes(' '));
      findings.check('context-own', areApart, `the spans of the attempts are ${all.join(', ')}`);
    },
  },
  {
    name: 'trace-rest',
    what: 'each event has the tracestate and the baggage of its job, whatever its kind, also those of several headers',
    sentences: ['context-rest'],
    run: async (bench) => {
      const carrier = {
        traceparent: newTraceparent(),
        tracestate: 'vendor=a,other=b',
        baggage: 'user=ann,plan=free',
      };
      const single = await jobsOfEveryKind(bench, 'context-rest', { carrier });
      const split = [
        ['traceparent', carrier.traceparent],
        ['tracestate', 'vendor=a'],
        ['Tracestate', 'other=b'],
        ['baggage', 'user=ann'],
        ['baggage', 'plan=free'],
      ] as const;
      const several = await bench.run('conformance.echo', 1, 'context-rest', { headers: split });
      for (const job of [...single, several])
        for (const { body, values } of job.events)
          for (const name of ['tracestate', 'baggage'] as const) {
            const members = listOf(values(name));
            const found = `${body.kind} ${body.attempt} has ${name} ${JSON.stringify(members)}`;
            bench.findings.check('context-rest', members === listOf([carrier[name]]), found);
          }
    },
  },
  {
    name: 'not-sampled',
    what: 'a trace that nobody records stays so',
    sentences: ['context-flags'],
    run: async ({ run, findings }) => {
      const carrier = { traceparent: newTraceparent().replace(/01$/, '00') };
      const job = await run('conformance.echo', 1, 'context-flags', { carrier });
      const [header = ''] = job.end?.values('traceparent') ?? [];
      const [, traceId, , flags = '01'] = TRACEPARENT.exec(header) ?? [];
      const isSame = traceId === job.job.traceId && !isSampled(flags);
      findings.check('context-flags', isSame, `the end has traceparent ${JSON.stringify(header)}`);
    },
  },
  {
    name: 'broken-trace',
    what: 'a broken trace context starts a new trace, and the job runs',
    sentences: ['context-broken'],
    run: async ({ run, findings }) => {
      const good = newTraceparent();
      const single = [
        good.replace(/^00/, 'ff'),
        `${good}-extra`,
        `${good}-`,
        good.replace(/-[0-9a-f]{16}-/, '-1-'),
        good.toUpperCase(),
        good.replace(/-[0-9a-f]{32}-/, `-${'0'.repeat(32)}-`),
        good.replace(/-[0-9a-f]{16}-/, `-${'0'.repeat(16)}-`),
      ];
      // Two propagators may each write one: Go's clients write `Traceparent`.
      const second = ['traceparent', 'Traceparent'].map((name) => [name, newTraceparent()] as const);
      const broken = [
        ...single.map((value) => [['traceparent', value] as const]),
        ...second.map((other) => [['traceparent', good] as const, other]),
      ];
      for (const pairs of broken) {
        const job = await run('conformance.echo', 1, 'context-broken', { headers: pairs });
        const { traceId = '', kind } = job.end?.body ?? {};
        const isNew = isTraceId(traceId) && !pairs.some(([, value]) => value.includes(traceId));
        const sent = pairs.map((pair) => pair.join(': ')).join(' and ');
        const found = `after ${sent}: ${kind}, traceId ${traceId}`;
        findings.check('context-broken', kind === 'succeeded' && isNew, found);
      }
    },
  },
  {
    name: 'later-trace',
    what: 'a trace context of a later version, or with flags that nobody knows yet, is continued',
    sentences: ['context-continue', 'context-flags'],
    run: async ({ run, findings }) => {
      const good = newTraceparent();
      for (const later of [
        good.replace(/^00/, 'cc'),
        `${good.replace(/^00/, 'cc')}-more`,
        good.replace(/01$/, 'ff'),
      ]) {
        const job = await run('conformance.echo', 1, 'context-continue', {
          headers: [['traceparent', later]],
        });
        const [header = ''] = job.end?.values('traceparent') ?? [];
        const [, traceId, , flags = ''] = TRACEPARENT.exec(header) ?? [];
        const found = `after traceparent: ${later}, the end has traceparent ${JSON.stringify(header)}`;
        findings.check('context-continue', traceId === traceIdOf(good), found);
        findings.check('context-flags', isSampled(flags), found);
      }
    },
  },
  {
    name: 'cloudevent-trace',
    what: 'the trace context that SDKs of CloudEvents write is continued where there is no other one',
    sentences: ['context-cloudevent', 'read-decode'],
    run: async (bench) => {
      const event = newTraceparent();
      const other = newTraceparent();
      const pair = [
        ['ce-traceparent', event],
        ['ce-tracestate', 'vendor=a'],
      ] as const;
      // SDKs may encode more than they must, and some encode nothing.
      const encoded = [
        ['ce-traceparent', event.replaceAll('-', '%2D')],
        ['ce-tracestate', 'vendor%3D100%25,other=a%2520b'],
      ] as const;
      const plain = [
        ['ce-traceparent', event],
        ['ce-tracestate', 'vendor=100%,other=a%20b'],
      ] as const;
      const read = (sentence: Sentence, headers: Headers, parent: string | undefined, tracestate: string) =>
        checkContext(bench, sentence, headers, { parent, tracestate, baggage: '' });
      await read('context-cloudevent', [...pair, ['tracestate', 'last=b']], event, 'vendor=a');
      await read('context-cloudevent', [pair[0], ['tracestate', 'last=b']], event, '');
      await read('context-cloudevent', [['traceparent', other], ...pair], other, '');
      await read('context-cloudevent', [['traceparent', 'broken'], ...pair], undefined, '');
      await read('context-cloudevent', [...pair, ['Ce-Traceparent', other]], undefined, '');
      // Whoever writes the decoded value as it is breaks the headers of the event.
      const lines = ['ce-tracestate', 'vendor=a%0D%0Aother: b'] as const;
      await read('context-cloudevent', [pair[0], lines], event, '');
      await read('read-decode', encoded, event, 'vendor=100%,other=a%20b');
      await read('read-decode', plain, event, 'vendor=100%,other=a%20b');
    },
  },
  {
    name: 'broken-rest',
    what: 'a broken tracestate, or one without a trace, and broken members of the baggage are left out, and the rest stays',
    sentences: ['context-left-out'],
    run: async (bench) => {
      const parent = newTraceparent();
      const good = ['traceparent', parent] as const;
      const [tracestate, baggage] = ['vendor=a', 'user=ann'];
      const rest = [
        ['tracestate', tracestate],
        ['baggage', baggage],
      ] as const;
      const read = (headers: Headers, wanted: Context) =>
        checkContext(bench, 'context-left-out', headers, wanted);
      const none = { parent: undefined, tracestate: '', baggage };
      await read(rest, none);
      await read([['traceparent', 'broken'], ...rest], none);
      await read([good, ['tracestate', 'vendor=a,Other=b'], rest[1]], { parent, tracestate: '', baggage });
      await read([good, rest[0], ['baggage', 'broken,user=ann']], { parent, tracestate, baggage });
      // Whoever decodes a property, and writes it on as it is, breaks the headers of the event: the job does not end.
      const property = ['baggage', `${baggage};role=a%0D%0Ab`] as const;
      await bench.run('conformance.echo', 1, 'context-left-out', { headers: [good, property] });
    },
  },
  {
    name: 'outgoing-call',
    what: 'an HTTP call of the operation carries the trace, the tracestate and the baggage',
    sentences: ['context-outgoing'],
    run: async ({ run, findings, parts }) => {
      const carrier = { traceparent: newTraceparent(), tracestate: 'vendor=a,other=b', baggage: 'user=ann' };
      const path = `/${randomUUID()}`;
      const input = { url: `${parts.http.url}${path}` };
      const job = await run('conformance.baggage', input, 'context-outgoing', { carrier });
      const sent = parts.http.headersOf(path);
      findings.need('context-outgoing', sent !== undefined, `no call came; events: ${job.told}`);
      const { traceparent, tracestate, baggage } = sent ?? {};
      const [, traceId, spanId] = TRACEPARENT.exec(String(traceparent)) ?? [];
      findings.check('context-outgoing', traceId === job.job.traceId, `traceparent is ${traceparent}`);
      findings.check(
        'context-outgoing',
        spanId !== TRACEPARENT.exec(carrier.traceparent)?.[2],
        'the parent is the sender',
      );
      findings.check('context-outgoing', tracestate === carrier.tracestate, `tracestate is ${tracestate}`);
      findings.check('context-outgoing', String(baggage).includes(carrier.baggage), `baggage is ${baggage}`);
    },
  },
];

/** Runs a job whose message has these headers, and holds its end against the context that they give. */
async function checkContext(
  { run, findings }: Bench,
  sentence: Sentence,
  headers: Headers,
  { parent, tracestate, baggage }: Context,
): Promise<void> {
  const { end, told } = await run('conformance.echo', 1, sentence, { headers });
  const { traceId = '', kind } = end?.body ?? {};
  const isRight =
    parent === undefined
      ? isTraceId(traceId) && !headers.some(([, value]) => value.includes(traceId))
      : traceId === traceIdOf(parent);
  const state = listOf(end?.values('tracestate') ?? []);
  const bag = listOf((end?.values('baggage') ?? []).map((value) => value.replaceAll(/;[^,]*/g, '')));
  const sent = headers.map((pair) => pair.join(': ')).join(' and ');
  const found = `after ${sent}, the events are: ${told}; traceId is ${traceId}, tracestate ${JSON.stringify(state)}, baggage ${JSON.stringify(bag)}`;
  const isWhole = isRight && state === listOf([tracestate]) && bag === listOf([baggage]);
  findings.check(sentence, kind === 'succeeded' && isWhole, found);
}

/** The members of a list as one text, whatever their order and the blanks around them. */
function listOf(values: readonly string[]): string {
  const members = values.flatMap((value) => value.split(',')).map((member) => member.trim());
  return members
    .filter((member) => member !== '')
    .toSorted()
    .join();
}

function traceIdOf(traceparent: string): string | undefined {
  return TRACEPARENT.exec(traceparent)?.[1];
}
