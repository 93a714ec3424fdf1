import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { PRODUCER_CASES } from '../../cli/conformance/producer/cases.ts';
import { runProducer } from '../../cli/conformance/producer/run.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { listen } from '../conformance/published.ts';
import { READING_CASE } from '../conformance/reading-case.ts';
import { checkWorker, faultsOf, UNHURRIED } from '../conformance/support.ts';
import { scratchFolder } from '../support/cleanup.ts';
import { startTestNats } from '../support/nats/nats.ts';
import { isHere, LANGUAGES, note, type Programs } from './languages.ts';
import { traceOf } from './trace.ts';

describe.for(LANGUAGES)('the example in $name', (language) => {
  let programs: Programs | undefined;
  beforeAll(async () => {
    if (await isHere(language)) programs = await language.build(await scratchFolder());
  });

  it('worker conforms, and all that it publishes fits the AsyncAPI document', async ({ skip }) => {
    const { worker } = programs ?? skip(note(language));
    const url = await natsUrl();
    const published = await listen(url);
    const reports = await checkWorker({ natsUrl: url, command: worker, more: [READING_CASE], ...UNHURRIED });
    await published.close();
    expect(faultsOf(reports)).toEqual([]);
    expect(published.faults()).toEqual([]);
    const spans = reports.find((report) => report.case === 'exported-spans');
    expect(spans?.outcome).toBe(language.recordsSpans ? 'passed' : 'skipped');
  });

  it('producer conforms', async ({ skip }) => {
    const { producer } = programs ?? skip(note(language));
    const reports = await runProducer({
      natsUrl: await natsUrl(),
      command: producer,
      environment: hostEnvironment(),
      timeoutMs: 30_000,
      cases: PRODUCER_CASES,
      skipped: [],
      onCase: () => undefined,
      onLine: () => undefined,
      signal: new AbortController().signal,
    });
    expect(faultsOf(reports)).toEqual([]);
  });

  if (!language.recordsSpans) return;

  it('one trace leads from the edge through the worker to its calls and its work in the background', async ({
    skip,
  }) => {
    const { worker } = programs ?? skip(note(language));
    const { service, sent, attempt, called, children } = await traceOf(language.name, worker);
    expect(attempt).toMatchObject({ service, kind: 'CONSUMER', parentSpanId: sent.spanId });
    for (const name of [ATTR.jobId, ATTR.jobOperation, ATTR.jobTenant])
      expect(attempt.attributes[name]).toBe(sent.attributes[name]);
    expect(called).toMatchObject({
      traceparent: expect.stringContaining(attempt.traceId),
      baggage: 'user=ann',
    });
    const call = children.find(({ spanId }) => called.traceparent.includes(spanId));
    expect(call).toMatchObject({ service, kind: 'CLIENT' });
    const names = children.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['background thread', 'background task']));
    const systems = children.map(({ attributes }) => attributes['db.system.name'] ?? attributes['db.system']);
    expect(systems).toContain('sqlite');
  });
});

/** The address of a server for this test only. */
async function natsUrl(): Promise<string> {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  return nats.url;
}
