import { describe, expect, it } from 'vitest';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { run } from '../../support/cli/process.ts';
import {
  API_KEY,
  answer,
  collect,
  DONE,
  JOB,
  nowhere,
  SPAN_ID,
  serve,
  TRACE_ID,
} from '../../support/cli/servers.ts';

describe.concurrent('a traced submission', () => {
  it('is a client span below the span of the environment, and the request carries its context', async () => {
    const api = await serve(() => answer(202, JOB));
    const collector = await collect();
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl,
      TRACEPARENT: `00-${TRACE_ID}-${SPAN_ID}-01`,
    };
    const { code } = await run(api, ['submit', 'echo', '{}'], { environment });
    expect(code).toBe(0);
    const [span, ...others] = collector.spans(TRACE_ID);
    expect(others).toEqual([]);
    expect(span).toMatchObject({
      service: 'throughline-cli',
      name: 'submit echo',
      kind: 'CLIENT',
      parentSpanId: SPAN_ID,
      status: 'UNSET',
      attributes: {
        'throughline.job.operation': 'echo',
        'throughline.job.id': 'job-1',
        'throughline.trace.outcome': 'continued',
        'url.full': `${api.url}/v1/jobs`,
        'http.request.method': 'POST',
        'http.response.status_code': 202,
      },
    });
    expect(api.seen[0]?.headers.traceparent).toBe(`00-${TRACE_ID}-${span?.spanId}-01`);
  });

  it('is an error when the API refuses it', async () => {
    const api = await serve(() => answer(422, { code: 'operation-unknown', detail: 'no such operation' }));
    const collector = await collect();
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl };
    expect((await run(api, ['submit', 'echo'], { environment })).code).toBe(2);
    expect(collector.allSpans()).toMatchObject([
      {
        status: 'ERROR',
        statusMessage: 'no such operation',
        attributes: { 'error.type': 'operation-unknown', 'http.response.status_code': 422 },
      },
    ]);
  });

  it('sends the collector neither the key nor the input', async () => {
    const api = await serve(() => answer(202, JOB));
    const collector = await serve(() => answer(200, {}));
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const secrets = ['{"password":"hidden-input"}', '--api-key', API_KEY];
    await run(api, ['submit', 'echo', ...secrets], { environment });
    const sent = Buffer.concat(collector.seen.map(({ body }) => body)).toString('latin1');
    expect(sent).toContain('submit echo');
    expect(sent).not.toContain('hidden-input');
    expect(sent).not.toContain(API_KEY);
  });

  it.each([
    ['is not there', () => nowhere()],
    ['answers with an error', async () => (await serve(() => answer(500, {}))).url],
    ['never answers', async () => (await serve(() => undefined)).url],
    ['is not an address', async () => 'nonsense'],
  ])('succeeds soon when the collector %s', async (_, collector) => {
    const api = await serve(() => answer(202, JOB));
    // This export timeout is longer than the test's, so the CLI must have a limit of its own.
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: await collector(),
      OTEL_EXPORTER_OTLP_TIMEOUT: '120000',
    };
    const { code, stdout } = await run(api, ['submit', 'echo', '--json'], { environment });
    expect({ code, stdout: JSON.parse(stdout) }).toEqual({ code: 0, stdout: JOB });
  });

  it.each([
    ['is not there', () => nowhere(), expect.stringMatching(/ECONNREFUSED/)],
    ['is busy', async () => (await serve(() => answer(503, {}))).url, expect.stringMatching(/503/)],
    ['refuses the spans', async () => (await serve(() => answer(401, {}))).url, 'status 401'],
    ['never answers', async () => (await serve(() => undefined)).url, 'no answer in time'],
  ])('warns that its trace lacks its spans when the collector %s', async (_, collector, why) => {
    const api = await serve(() => answer(202, JOB));
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: await collector() };
    const { stderr } = await run(api, ['submit', 'echo'], { environment });
    const [, reason] =
      /^warning: the collector did not take the spans of this command, so its trace lacks them: (.*)\n$/.exec(
        stderr,
      ) ?? [];
    expect(reason, stderr).toEqual(why);
  });

  it('asks a collector that is not there once, because somebody waits', async () => {
    const api = await serve(() => answer(202, JOB));
    // Port 1 is taken by nobody, and every connection to it is refused.
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_LOG_LEVEL: 'verbose' };
    const { stderr } = await run(api, ['submit', 'echo'], { environment });
    expect(stderr).toContain('ECONNREFUSED');
    expect(stderr).not.toContain('Scheduling export retry');
  });

  it('passes on what a collector warns of although it took the spans', async () => {
    const api = await serve(() => answer(202, JOB));
    const collector = await serve(() => answer(200, { partialSuccess: { errorMessage: 'use fewer' } }));
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const { stderr } = await run(api, ['submit', 'echo'], { environment });
    expect(stderr).toBe('warning: the collector took the spans, and warns: use fewer\n');
  });

  it('does not warn about its spans when the collector takes them', async () => {
    const api = await serve(() => answer(202, JOB));
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: (await collect()).otlpUrl };
    expect((await run(api, ['submit', 'echo'], { environment })).stderr).toBe('');
  });

  it('prints its span on stderr with --debug, and only the job on stdout', async () => {
    const api = await serve(() => answer(202, JOB));
    const { stdout, stderr } = await run(api, ['submit', 'echo', '--debug', '--json']);
    expect(stderr).toMatch(/^span [0-9a-f]{32} .*throughline-cli CLIENT "submit echo"/);
    expect(JSON.parse(stdout)).toEqual(JOB);
  });
});

describe.concurrent('trace', () => {
  const span = (spanId: string, more: Partial<SpanRecord> = {}): SpanRecord => ({
    service: 'throughline-edge',
    name: `span ${spanId}`,
    kind: 'SERVER',
    traceId: TRACE_ID,
    spanId,
    startMs: 1_700_000_000_000,
    durationMs: 10,
    status: 'UNSET',
    attributes: {},
    events: [],
    links: [],
    ...more,
  });
  const root = span('000000000000000a', { service: 'throughline-cli', kind: 'CLIENT' });
  const child = span('000000000000000b', { parentSpanId: root.spanId });
  const attempt = span('000000000000000c', {
    service: 'throughline-worker',
    kind: 'CONSUMER',
    parentSpanId: child.spanId,
    attributes: {
      'messaging.operation.type': 'process',
      'throughline.job.id': JOB.id,
      'throughline.job.attempt': 1,
    },
  });

  /** An API with the job, and a trace store that gives these spans one after the other, the last ones again and again. */
  async function stores(...spans: (SpanRecord[] | undefined)[]) {
    const api = await serve(() => answer(200, DONE));
    const traces = await serve(() => {
      const current = spans.length > 1 ? spans.shift() : spans[0];
      return current === undefined
        ? answer(404, { message: 'none' })
        : answer(200, { traceId: TRACE_ID, spans: current });
    });
    return { api, traces, environment: { THROUGHLINE_TRACES_URL: `${traces.url}/traces/` } };
  }

  it('waits for the spans that the chain still needs, and draws them', async () => {
    const { api, traces, environment } = await stores(
      undefined,
      [child],
      [root, child],
      [root, child, attempt],
    );
    const { code, stdout, stderr } = await run(api, ['trace', 'job-1'], { environment });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(traces.seen.map(({ path }) => path)).toEqual(Array(4).fill(`/traces/${TRACE_ID}`));
    for (const { name } of [root, child, attempt]) expect(stdout).toContain(name);
    expect(stdout).not.toContain('\u001b');
  });

  it('waits for the attempt before, which another host sends', async () => {
    const later = {
      ...attempt,
      spanId: '000000000000000d',
      attributes: { ...attempt.attributes, 'throughline.job.attempt': 2 },
      links: [child, attempt].map(({ traceId, spanId }) => ({ traceId, spanId })),
    };
    const { traces, environment } = await stores([root, child, later], [root, child, attempt, later]);
    const api = await serve(() => answer(200, { ...DONE, attempt: 2 }));
    const { code, stderr } = await run(api, ['trace', 'job-1', '--json'], { environment });
    expect({ code, stderr, reads: traces.seen.length }).toEqual({ code: 0, stderr: '', reads: 2 });
  });

  it('takes the id of a trace too, as an error or a log line names it', async () => {
    const api = await serve(() =>
      answer(404, { code: 'job-unknown', detail: 'no job of yours has this id' }),
    );
    const { traces, environment } = await stores([root, child]);
    const { code, stdout, stderr } = await run(api, ['trace', TRACE_ID], { environment });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(traces.seen.map(({ path }) => path)).toEqual([`/traces/${TRACE_ID}`]);
    expect(stdout).toContain(child.name);
  });

  it('prints the spans as JSON', async () => {
    const { api, traces } = await stores([root, child, attempt]);
    const args = ['trace', 'job-1', '--json', '--traces-url', `${traces.url}/traces`];
    const { code, stdout } = await run(api, args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ traceId: TRACE_ID, spans: [root, child, attempt] });
  });

  it('says which spans are missing when they do not arrive', async () => {
    const { api, environment } = await stores([child]);
    const [human, json] = await Promise.all([
      run(api, ['trace', 'job-1'], { environment }),
      run(api, ['trace', 'job-1', '--json'], { environment }),
    ]);
    const gaps = [
      `the parent of "${child.name}" (throughline-edge), span ${root.spanId}, is missing`,
      'the worker\'s span of attempt 1, "process echo", is missing',
    ];
    expect(human).toMatchObject({ code: 0, stderr: gaps.map((gap) => `warning: ${gap}\n`).join('') });
    expect(human.stdout).toContain(child.name);
    expect(json).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(json.stdout)).toEqual({ traceId: TRACE_ID, spans: [child], missing: gaps });
  });

  it('ends with 4 when no span arrives', async () => {
    const { api, environment } = await stores(undefined);
    const { code, stdout, stderr } = await run(api, ['trace', 'job-1', '--json'], { environment });
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ code: 'spans-missing', traceId: TRACE_ID });
  });

  it('ends with 3 when the trace store is away, or is not one', async () => {
    const api = await serve(() => answer(200, DONE));
    const away = { THROUGHLINE_TRACES_URL: `${await nowhere()}/traces` };
    const refused = await run(api, ['trace', 'job-1'], { environment: away });
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining(away.THROUGHLINE_TRACES_URL) });
    const other = await serve(() => answer(200, { traceId: TRACE_ID, spans: [{ name: 7 }] }));
    const unreadable = await run(api, ['trace', 'job-1', '--traces-url', other.url]);
    expect(unreadable).toMatchObject({ code: 3, stderr: expect.stringContaining('not a trace') });
  });
});
