import { describe, expect, it } from 'vitest';
import { callHere } from '../../../support/cli/in-process.ts';
import { answer, DONE, SPAN_ID, serve, TRACE_ID } from '../../../support/cli/servers.ts';

const UNKNOWN = { code: 'job-unknown', title: 't', detail: 'no such job', status: 404 };

/** A Tempo that has a trace of one span, of which it says that it is only a part. */
async function partialTempo() {
  const times = { startTimeUnixNano: '1764183600000000000', endTimeUnixNano: '1764183600001000000' };
  const span = { traceId: TRACE_ID, spanId: SPAN_ID, name: 'a span', kind: 2, ...times };
  const trace = { resourceSpans: [{ resource: {}, scopeSpans: [{ spans: [span] }] }] };
  const { url } = await serve(() => answer(200, { trace, status: 'PARTIAL' }));
  return { store: url, environment: { THROUGHLINE_TRACES_URL: `${url}/api/v2/traces` } };
}

describe('a trace of which the store gives only a part', () => {
  it('is not called complete by `trace`', async () => {
    const api = await serve(() => answer(404, UNKNOWN));
    const { store, environment } = await partialTempo();
    const sentence = `Tempo at ${store}/api/v2/traces says that it does not give the whole trace`;
    const text = await callHere(api, ['trace', TRACE_ID], { environment });
    expect(text).toMatchObject({ code: 0, stderr: `warning: ${sentence}\n` });
    const json = await callHere(api, ['trace', TRACE_ID, '--json'], { environment });
    expect(JSON.parse(json.stdout).missing).toEqual([sentence]);
  });

  it('is told as such by `doctor`, beside the spans that are missing', async () => {
    const api = await serve(({ path }) => {
      if (path === '/readyz') return answer(200, { status: 'ready', bridges: [] });
      return path === '/v1/jobs/job-1' ? answer(200, DONE) : answer(404, {});
    });
    const { environment } = await partialTempo();
    const { stdout } = await callHere(api, ['doctor', 'job-1', '--json'], { environment });
    const { causes } = JSON.parse(stdout) as { causes: { code: string; evidence: string[] }[] };
    const missing = causes.find(({ code }) => code === 'spans-missing');
    expect(missing?.evidence).toContainEqual(expect.stringContaining('does not give the whole trace'));
  });
});
