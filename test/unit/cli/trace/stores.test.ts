import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../../cli/trace/stores/open-store.ts';
import { scratchFolder } from '../../../support/cleanup.ts';
import { answer, type Seen, serve, TRACE_ID } from '../../../support/cli/servers.ts';

const signal = new AbortController().signal;
const TEMPO = JSON.parse(
  await readFile(new URL('../../../fixtures/traces/tempo.json', import.meta.url), 'utf8'),
) as { trace: unknown };

/** A span in OTLP's JSON. */
function otlpSpan(spanId: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const times = { startTimeUnixNano: '1764183600000000000', endTimeUnixNano: '1764183600001000000' };
  return { traceId: TRACE_ID, spanId, name: `span ${spanId}`, kind: 2, ...times, ...more };
}

const exported = (service: string, ...spans: unknown[]) => ({
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeSpans: [{ spans }],
    },
  ],
});

const A = '000000000000000a';
const B = '000000000000000b';

describe('a trace of Tempo', () => {
  it('is read from base64 ids and named enums, and is partial if Tempo says so', async () => {
    const tempo = await serve(() => answer(200, TEMPO));
    const store = openStore({
      url: `${tempo.url}/api/v2/traces`,
      headers: { 'x-scope-orgid': 'acme' },
    });
    const { spans, isPartial } = await store.read(TRACE_ID, signal);
    expect(isPartial).toBe(true);
    expect(spans).toMatchObject([
      {
        service: 'throughline-bridge',
        name: 'send echo',
        kind: 'PRODUCER',
        traceId: TRACE_ID,
        spanId: '00f067aa0ba902b7',
        parentSpanId: '1111122223333344',
        status: 'UNSET',
        attributes: { 'messaging.operation.type': 'send', 'messaging.message.body.size': 17 },
      },
      {
        service: 'throughline-worker',
        kind: 'CONSUMER',
        spanId: '0a0b0c0d0e0f1011',
        parentSpanId: '00f067aa0ba902b7',
        status: 'ERROR',
        statusMessage: 'no luck',
        links: [{ traceId: TRACE_ID, spanId: '00f067aa0ba902b7' }],
      },
    ]);
    expect(tempo.seen).toMatchObject([
      { path: `/api/v2/traces/${TRACE_ID}`, headers: { 'x-scope-orgid': 'acme' } },
    ]);
  });

  it('is found by its service, whose short ids get their zeros back', async () => {
    const tempo = await serve(() => answer(200, { traces: [{ traceID: 'abc' }], metrics: {} }));
    const store = openStore({ url: `${tempo.url}/api/v2/traces`, headers: {} });
    expect(await store.recent('throughline-worker', 5_000, signal)).toEqual(['abc'.padStart(32, '0')]);
    const { pathname, searchParams } = new URL(tempo.seen[0]?.path ?? '', tempo.url);
    expect(pathname).toBe('/api/search');
    expect(Object.fromEntries(searchParams)).toMatchObject({
      q: '{ resource.service.name = "throughline-worker" }',
      start: '5',
    });
  });
});

describe('a trace of Jaeger', () => {
  it('is asked for as it is stored, with names that every version reads', async () => {
    const jaeger = await serve(() =>
      answer(200, { result: exported('throughline-edge', otlpSpan(A), otlpSpan(B, { parentSpanId: A })) }),
    );
    const store = openStore({ url: `${jaeger.url}/api/v3/traces`, headers: {} });
    const { spans } = await store.read(TRACE_ID, signal);
    expect(spans.map(({ spanId, kind }) => ({ spanId, kind }))).toEqual([
      { spanId: A, kind: 'SERVER' },
      { spanId: B, kind: 'SERVER' },
    ]);
    await store.recent('throughline-worker', 0, signal);
    expect(jaeger.seen.map(pathOf)).toEqual([`/api/v3/traces/${TRACE_ID}?raw_traces=true`, '/api/v3/traces']);
    expect(jaeger.seen[1]?.path).toContain('query.service_name=throughline-worker');
  });
});

/** The path, without the times of a search. */
const pathOf = ({ path = '' }: Seen): string => path.replace(/\?query.*/, '');

describe('a file of OTLP in JSON', () => {
  it('is read line by line, even while its last line is written', async () => {
    const file = join(await scratchFolder(), 'spans.jsonl');
    const other = { ...otlpSpan(A), traceId: 'f'.repeat(32) };
    const lines = [
      exported('throughline-worker', otlpSpan(B), other),
      exported('throughline-edge', otlpSpan(A)),
      exported('throughline-edge', otlpSpan(A)),
    ];
    const cut = JSON.stringify(lines[0]).slice(0, -20);
    await writeFile(file, [...lines.map((line) => JSON.stringify(line)), cut].join('\n'));
    const store = openStore({ url: pathToFileURL(file).href, headers: {} });
    const { spans } = await store.read(TRACE_ID, signal);
    expect(spans.map(({ service, spanId }) => `${service} ${spanId}`).sort()).toEqual([
      `throughline-edge ${A}`,
      `throughline-worker ${B}`,
    ]);
    expect((await store.recent('throughline-worker', 0, signal)).sort()).toEqual([TRACE_ID, other.traceId]);
    expect(await store.recent('throughline-worker', Date.now(), signal)).toEqual([]);
  });

  it('may begin in the middle of an export, as what is left of a rotated file does', async () => {
    const file = join(await scratchFolder(), 'spans.jsonl');
    const lines = [A, B].map((id) => JSON.stringify(exported('throughline-worker', otlpSpan(id))));
    await writeFile(file, `${lines[0]?.slice(20)}\n${lines[1]}\n`);
    const store = openStore({ url: pathToFileURL(file).href, headers: {} });
    expect((await store.read(TRACE_ID, signal)).spans).toMatchObject([{ spanId: B }]);
  });

  it.each([
    ['one export over many lines', (text: string) => JSON.stringify(JSON.parse(text), null, 2)],
    ['one export, without an end of its line', (text: string) => text],
    ['an export after an empty line', (text: string) => `\n${text}\n`],
    ['a mark of UTF-8 before an export', (text: string) => `\ufeff${text}\n`],
    [
      'a mark of UTF-8 before one over many lines',
      (text: string) => `\ufeff${JSON.stringify(JSON.parse(text), null, 2)}`,
    ],
  ])('may have %s', async (_form, write) => {
    const file = join(await scratchFolder(), 'spans.json');
    await writeFile(file, write(JSON.stringify(exported('throughline-worker', otlpSpan(A)))));
    const store = openStore({ url: pathToFileURL(file).href, headers: {} });
    expect((await store.read(TRACE_ID, signal)).spans).toMatchObject([{ spanId: A }]);
    expect(await store.recent('throughline-worker', 0, signal)).toEqual([TRACE_ID]);
  });

  it.each(['', '\n', '{"resourceLogs":[]}\n', '{"resourceSp'])('may have no span yet: %j', async (text) => {
    const file = join(await scratchFolder(), 'spans.json');
    await writeFile(file, text);
    const store = openStore({ url: pathToFileURL(file).href, headers: {} });
    expect(await store.read(TRACE_ID, signal)).toEqual({ spans: [], isPartial: false });
  });

  it.each([
    ['lines of a log', '{"level":"info","msg":"a"}\n{"level":"info","msg":"b"}\n'],
    ['text', 'hello\n'],
    [
      'a list of exports, of which only the last one is the whole of its line',
      '[\n{"resourceSpans":[]},\n{"resourceSpans":[]}\n]\n',
    ],
    ['bytes', '\u0000\u0001\ufffd'],
    ['a list', '[{"resourceSpans":[]}]'],
    ['broken JSON over many lines', '{\n "resourceSpans": [\n'],
  ])('is not taken for an empty one if it holds %s', async (_what, text) => {
    const file = join(await scratchFolder(), 'spans.json');
    await writeFile(file, text);
    const store = openStore({ url: pathToFileURL(file).href, headers: {} });
    await expect(store.read(TRACE_ID, signal)).rejects.toMatchObject({ code: 'answer-invalid' });
  });

  it('that is a folder cannot be read', async () => {
    const store = openStore({ url: pathToFileURL(await scratchFolder()).href, headers: {} });
    await expect(store.read(TRACE_ID, signal)).rejects.toMatchObject({ code: 'traces-unreachable' });
  });

  it('that is not there is a store that cannot be reached', async () => {
    const store = openStore({ url: 'file:///no/such/spans.jsonl', headers: {} });
    await expect(store.read(TRACE_ID, signal)).rejects.toMatchObject({ code: 'traces-unreachable' });
  });
});

describe.each(['/api/v3/traces', '/api/v2/traces', '/traces'])('a trace store at %s', (path) => {
  const storeThatAnswers = async (status: number, body: unknown) => {
    const { url } = await serve(() => answer(status, body));
    return openStore({ url: url + path, headers: {} });
  };

  it('that does not know a trace has no spans of it', async () => {
    const store = await storeThatAnswers(404, { error: { httpCode: 404, message: 'trace not found' } });
    expect(await store.read(TRACE_ID, signal)).toEqual({ spans: [], isPartial: false });
  });

  it.each([500, 503, 429, 401, 403])('that answers %i cannot be reached', async (status) => {
    const store = await storeThatAnswers(status, {});
    await expect(store.read(TRACE_ID, signal)).rejects.toMatchObject({ code: 'traces-unreachable' });
  });

  it('that answers with something else is not taken for an empty one', async () => {
    const store = await storeThatAnswers(200, { hello: 'world' });
    await expect(store.read(TRACE_ID, signal)).rejects.toMatchObject({ code: 'answer-invalid' });
  });
});
