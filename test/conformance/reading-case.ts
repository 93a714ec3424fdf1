import { readFile } from 'node:fs/promises';
import { isTraceId, TRACEPARENT } from '../../cli/conformance/broker/traceparent.ts';
import type { WorkerCase } from '../../cli/conformance/cases/case.ts';

/** A message of `reading.json`, and what a Node worker reads from it. */
interface ReadingVector {
  readonly what: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly acceptedAt?: string;
  readonly passedOn: Readonly<Partial<Record<'traceparent' | 'tracestate' | 'baggage', string>>>;
}

const VECTORS: readonly ReadingVector[] = JSON.parse(
  await readFile(new URL('../vectors/reading.json', import.meta.url), 'utf8'),
);

/** Publishes the messages of `test/vectors/reading.json`, and holds what the worker reads against what a Node worker reads. */
export const READING_CASE: WorkerCase = {
  name: 'reading-vectors',
  what: 'messages are read as the vectors say',
  sentences: ['context-continue'],
  run: async ({ run, findings }) => {
    for (const { what, headers, acceptedAt, passedOn } of VECTORS) {
      const { end } = await run('conformance.echo', 1, 'context-continue', { headers });
      const header = (name: string): string => end?.values(name).join() ?? '';
      const traceId = TRACEPARENT.exec(header('traceparent'))?.[1] ?? '';
      const isSent = headers.some(([, value]) => value.includes(traceId));
      const isNew = isTraceId(traceId) && !isSent ? undefined : traceId;
      const read = {
        traceId: isNew,
        tracestate: header('tracestate'),
        baggage: header('baggage'),
        acceptedAt: acceptedAt === undefined ? undefined : end?.body.acceptedAt,
      };
      const { traceparent, tracestate = '', baggage = '' } = passedOn;
      const wanted = { traceId: traceparent?.slice(3, 35), tracestate, baggage, acceptedAt };
      const [found, told] = [read, wanted].map((one) => JSON.stringify(one));
      findings.check('context-continue', found === told, `${what}: ${found} in place of ${told}`);
    }
  },
};
